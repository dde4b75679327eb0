import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { REQUEST_BYTES_MAX } from '../keyspace/fork.ts';
import { type KeyRing, KeyNotLoadedError } from './data-key.ts';
import { keyIdOf, open, seal } from './seal.ts';

const keys = [1, 2].map((id) => ({ id, bytes: randomBytes(32) }));
const ring = (current = 1): KeyRing => ({
  current: keys.find(({ id }) => id === current),
  get: (id) => keys.find((key) => key.id === id),
});
const place = { tenant: 't1', cluster: 'c1', key: '/registry/core/secrets/default/db' };

const unreadable = expect.objectContaining({ code: 'secret_unreadable' });

describe('a sealed value', () => {
  test('opens to what was sealed, whatever that was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40_000 }), (text) => {
        expect(open(seal(text, ring(), place), ring(), place)).toBe(text);
      }),
    );
  });

  test('is never the same twice, and holds nothing of the text', () => {
    const [a, b] = [seal('hunter2', ring(), place), seal('hunter2', ring(), place)];
    expect(a).not.toBe(b);
    expect(Buffer.from(a.split('.')[2]!, 'base64').includes('hunter2')).toBe(false);
  });

  test.each([
    ['of another organisation', { tenant: 't2' }],
    ['of another cluster', { cluster: 'c2' }],
    ['under another name', { key: '/registry/core/secrets/default/dc' }],
    ['whose parts only look alike', { tenant: 't1,2:c1', cluster: '' }],
  ])('does not open in a place %s', (_, other) => {
    const sealed = seal('hunter2', ring(), place);
    expect(() => open(sealed, ring(), { ...place, ...other })).toThrow(unreadable);
  });

  test('does not open once any byte of it was changed, nor under another key', () => {
    const sealed = seal('hunter2', ring(), place);
    const [version, id, text] = sealed.split('.') as [string, string, string];
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => open(`${version}.${id}.${changed.toString('base64')}`, ring(), place)).toThrow(unreadable);
    }
    expect(() => open(`1.2.${text}`, ring(), place)).toThrow(unreadable);
    expect(() => open(`1.1.${bytes.subarray(0, 20).toString('base64')}`, ring(), place)).toThrow(unreadable);
  });

  test('names its key, so that older ones open after a rotation', () => {
    const old = seal('hunter2', ring(1), place);
    expect(keyIdOf(old)).toBe(1);
    expect(keyIdOf(seal('hunter2', ring(2), place))).toBe(2);
    expect(open(old, ring(2), place)).toBe('hunter2');
    expect(() => open('1.3.AAAA', ring(), place)).toThrow(new KeyNotLoadedError(3));
  });

  test.each(['', '2.1.AAAA', '1.x.AAAA', '1.1.', '1.1.A-_A', '1.-1.AAAA'])('of an unknown format is refused: %j', (text) => {
    expect(() => open(text, ring(), place)).toThrow(unreadable);
  });

  test('of the largest Secret that Kubernetes allows fits into a transaction', () => {
    const data = { data: { file: randomBytes(1024 * 1024).toString('base64') } };
    expect(seal(JSON.stringify(data), ring(), place).length).toBeLessThan(REQUEST_BYTES_MAX - 10_000);
  });
});
