import { describe, expect, test } from '@jest/globals';
import { compareOf, deleteOf, putOf, putOp, rangeOf, rangeOp, txnOf } from '../../../core/etcd/testing/requests.ts';
import { checkRegisters } from './check-registers.ts';
import type { Call } from './history.ts';
import { idealHistory } from './ideal.ts';
import { REGISTERS } from './workload.ts';

const KEY = 'k';
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

const call = (startedAt: number, endedAt: number, method: string, request: object, response?: object): Call =>
  ({
    client: 'c',
    method,
    request,
    startedAt,
    endedAt,
    outcome: response ? { type: 'ok', response } : { type: 'unknown' },
  }) as unknown as Call;

const put = (from: number, to: number, value: string) => call(from, to, 'Put', putOf(KEY, value), {});
const lostPut = (from: number, value: string) => call(from, from + 1, 'Put', putOf(KEY, value));
const remove = (from: number, to: number, deleted: number) => call(from, to, 'DeleteRange', deleteOf(KEY), { deleted });
const read = (from: number, to: number, value?: string, version = 1) =>
  call(from, to, 'Range', rangeOf(KEY), { kvs: value === undefined ? [] : [{ value: bytes(value), version }] });
const setIf = (from: number, to: number, version: number, value: string, succeeded: boolean) =>
  call(from, to, 'Txn', txnOf([putOp(KEY, value)], [rangeOp(KEY)], [compareOf(KEY, { target: 'VERSION', version })]), {
    succeeded,
  });

const isFine = (...calls: Call[]) => checkRegisters(calls, [KEY]).length === 0;

describe('the check of registers', () => {
  test('has nothing against the histories of a store that does one thing at a time', () => {
    for (let seed = 0; seed < 40; seed++) expect(checkRegisters(idealHistory(seed).calls, REGISTERS)).toEqual([]);
  });

  test('lets calls that overlap go in any order, and no others', () => {
    expect(isFine(put(1, 10, 'a'), put(2, 9, 'b'), read(3, 4, 'b'), read(5, 6, 'a', 2))).toBe(true);
    expect(isFine(put(1, 10, 'a'), put(2, 9, 'b'), read(3, 4, 'b', 2), read(5, 6, 'a', 1))).toBe(false);
    expect(isFine(put(1, 2, 'a'), put(3, 4, 'b'), read(5, 6, 'b', 2))).toBe(true);
  });

  test('catches a stale read, a future read, and a read of what never was', () => {
    expect(isFine(put(1, 2, 'a'), put(3, 4, 'b'), read(5, 6, 'a'))).toBe(false);
    expect(isFine(read(1, 2, 'a'), put(3, 4, 'a'))).toBe(false);
    expect(isFine(put(1, 2, 'a'), read(3, 4, 'c'))).toBe(false);
    expect(isFine(put(1, 2, 'a'), read(3, 4))).toBe(false);
  });

  test('catches a lost update', () => {
    expect(isFine(put(1, 2, 'a'), put(3, 4, 'b'), put(5, 6, 'c'), read(7, 8, 'c', 2))).toBe(false);
    expect(isFine(put(1, 2, 'a'), setIf(3, 6, 1, 'b', true), setIf(4, 5, 1, 'c', true))).toBe(false);
    expect(isFine(put(1, 2, 'a'), setIf(3, 6, 1, 'b', true), setIf(4, 5, 1, 'c', false))).toBe(true);
  });

  test('catches a write that was applied twice', () => {
    expect(isFine(put(1, 2, 'a'), read(3, 4, 'a', 2))).toBe(false);
    expect(isFine(lostPut(1, 'a'), read(3, 4, 'a', 2))).toBe(false);
    expect(isFine(put(1, 2, 'a'), remove(3, 4, 1), remove(5, 6, 1))).toBe(false);
  });

  test('a write whose outcome is unknown may be seen at once, late, or never, but not come and go', () => {
    const before = [put(1, 2, 'a'), lostPut(3, 'b')];
    expect(isFine(...before, read(5, 6, 'b', 2))).toBe(true);
    expect(isFine(...before, read(5, 6, 'a', 1))).toBe(true);
    expect(isFine(...before, read(5, 6, 'a', 1), read(7, 8, 'b', 2))).toBe(true);
    expect(isFine(...before, read(5, 6, 'b', 2), read(7, 8, 'a', 1))).toBe(false);
  });

  test('decides histories in which much goes on at once', () => {
    const many = Array.from({ length: 12 }, (_, n) => put(n / 100, 100 + n / 100, `v${n}`));
    expect(isFine(...many, ...many.map((_, n) => read(200 + 2 * n, 201 + 2 * n, 'v7', 12)))).toBe(true);
    expect(isFine(...many, read(200, 201, 'v7', 12), read(202, 203, 'v8', 12))).toBe(false);
  });
});
