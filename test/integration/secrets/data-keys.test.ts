import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import {
  DATA_KEYS_PART,
  openDataKeys,
  RING_MS,
  ROTATED_AFTER_MS,
  UNWRAPPED_MS,
  USED_AFTER_MS,
} from '../../../store/data-keys.ts';
import { kmsEncryption } from '../../../store/kms-encryption.ts';
import { type AwsServer, awsServer } from '../../support/aws/server.ts';
import { kms } from '../../support/aws/kms.ts';
import { type EmbeddedStore, embeddedStore } from '../store/embedded-store.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555';

let store: EmbeddedStore;
let aws: AwsServer;
const service = kms(KEY);
const clock = { at: 0, now: () => clock.at };
let tenant = '';
let count = 0;

beforeAll(async () => {
  store = await embeddedStore();
  aws = await awsServer([service]);
});
afterAll(async () => {
  expect(aws.refused).toEqual([]);
  aws.close();
  await store.stop();
});
beforeEach(() => {
  tenant = `t${++count}`;
  clock.at = Date.UTC(2026, 0, 1);
  service.calls.length = 0;
  service.disabled = false;
});

/** Another process: a memory of its own. */
const newProcess = (key = KEY) => {
  const encryption = kmsEncryption(key, () => new KMSClient({ ...aws.settings, maxAttempts: 1 }));
  return openDataKeys({ table: store.table, encryption, clock, log: silentLogger, tenantsMax: 3 });
};
const rows = async () => (await store.table.query(`${tenant}#${DATA_KEYS_PART}`, '0', ':')).items;

describe("an organisation's data key", () => {
  test('is made with its first Secret, kept wrapped, and unwrapped by every process', async () => {
    const [a, b] = [newProcess(), newProcess()];
    await b.load(tenant);
    expect(b.ring(tenant).current).toBeUndefined();
    await a.load(tenant, { create: true });
    const key = a.ring(tenant).current!;
    expect(key).toMatchObject({ id: 1 });
    expect(key.bytes).toHaveLength(32);
    await b.load(tenant);
    expect(b.ring(tenant).get(1)!.bytes).toEqual(key.bytes);
    const wrapped = (await rows())[0]!['key']!.B!;
    expect(Buffer.from(wrapped).includes(Buffer.from(key.bytes))).toBe(false);
    // KMS is told whose it is, and refuses to unwrap it for another.
    expect(new Set(service.calls.map((call) => call.replace(/^\w+ /, '')))).toEqual(new Set([`{"terrane:tenant":"${tenant}"}`]));
  });

  test('is one, whoever makes it first', async () => {
    const processes = Array.from({ length: 5 }, () => newProcess());
    await Promise.all(processes.map((one) => one.load(tenant, { create: true })));
    expect(await rows()).toHaveLength(1);
    const all = processes.map((one) => Buffer.from(one.ring(tenant).current!.bytes).toString('hex'));
    expect(new Set(all).size).toBe(1);
  });

  test('is asked of KMS once for a burst of requests, and again after an hour', async () => {
    await newProcess().load(tenant, { create: true });
    const process = newProcess();
    const decrypts = () => service.calls.filter((call) => call.startsWith('Decrypt')).length;
    const before = decrypts();
    await Promise.all(Array.from({ length: 20 }, () => process.load(tenant)));
    clock.at += RING_MS;
    await process.load(tenant);
    expect(decrypts() - before).toBe(1);
    clock.at += UNWRAPPED_MS;
    expect(process.ring(tenant).get(1)).toBeUndefined();
    await process.load(tenant);
    expect(decrypts() - before).toBe(2);
  });

  test('is followed by the next after a year, which everyone knows before anyone uses it', async () => {
    const [writer, reader] = [newProcess(), newProcess()];
    await writer.load(tenant, { create: true });
    clock.at += ROTATED_AFTER_MS;
    await reader.load(tenant);
    await writer.load(tenant, { create: true });
    expect((await rows()).map((row) => Number(row['sk']!.S))).toEqual([1, 2]);
    expect(writer.ring(tenant).current!.id).toBe(1);
    clock.at += USED_AFTER_MS;
    await Promise.all([writer.load(tenant, { create: true }), reader.load(tenant)]);
    expect(writer.ring(tenant).current!.id).toBe(2);
    expect(reader.ring(tenant).get(2)!.bytes).toEqual(writer.ring(tenant).current!.bytes);
    expect(reader.ring(tenant).get(1)).toBeDefined();
    expect(await rows()).toHaveLength(2);
  });

  test('that is deleted is gone from every process within minutes', async () => {
    const process = newProcess();
    await process.load(tenant, { create: true });
    await store.table.deleteAll((await rows()).map((row) => ({ pk: row['pk']!.S!, sk: row['sk']!.S! })));
    clock.at += RING_MS;
    await process.load(tenant);
    expect(process.ring(tenant).get(1)).toBeUndefined();
    await expect(process.load(tenant, { id: 1 })).rejects.toMatchObject({ code: 'secret_unreadable' });
  });

  test('of those not asked for any more leaves memory', async () => {
    const process = newProcess();
    const others = [`${tenant}b`, `${tenant}c`, `${tenant}d`];
    for (const one of [tenant, ...others]) await process.load(one, { create: true });
    expect([tenant, ...others].map((one) => process.ring(one).current !== undefined)).toEqual([false, true, true, true]);
  });
});

test.each([
  [
    'disabled',
    () => {
      service.disabled = true;
    },
    KEY,
  ],
  ['not there', () => {}, KEY.replace(/5$/, '6')],
] as const)('a KMS key that is %s is trouble that passes, without its details', async (_, happen, key) => {
  await newProcess().load(tenant, { create: true });
  happen();
  const error: Error & { code?: string } = await newProcess(key)
    .load(tenant)
    .then(
      () => new Error('loaded'),
      (caught: Error) => caught,
    );
  expect(error).toMatchObject({ code: 'key_service_unavailable', status: 503 });
  expect(error.message).not.toContain('arn:');
});

test('a key wrapped for another organisation is never unwrapped', async () => {
  const process = newProcess();
  await process.load(tenant, { create: true });
  const [row] = await rows();
  await store.table.put({ ...row!, pk: { S: `thief#${DATA_KEYS_PART}` } });
  await expect(process.load('thief')).rejects.toMatchObject({ code: 'secret_unreadable' });
});
