import { beforeEach, describe, expect, test } from '@jest/globals';
import { TerraneError } from '../errors/terrane-error.ts';
import type { Keyspace } from '../keyspace/types.ts';
import { getResource, listResources } from '../resources/write/read.ts';
import { createResource, deleteResource, updateResource } from '../resources/write.ts';
import { fixedContext, inTxn, newCluster, refusal } from '../resources/testing/fixtures.ts';
import type { Secret } from '../resources/schema/secret.ts';
import { confidentialKeyspaces } from './confidential-keyspaces.ts';
import type { DataKeys } from './data-key.ts';
import { isSealed, SECRETS_FROM, SECRETS_TO } from './sealed-secret.ts';
import { memoryDataKeys } from './testing/memory-data-keys.ts';

const PLAIN = 'correct-horse-battery';
const BASE64 = Buffer.from(PLAIN).toString('base64');
const ctx = fixedContext();

const secret = (name = 'db', fields: object = { stringData: { password: PLAIN } }) => ({
  metadata: { name, namespace: 'default', labels: { app: 'db' }, annotations: { last: `{"data":{"password":"${BASE64}"}}` } },
  ...fields,
});

let stored: Keyspace;
let keys: DataKeys;
let registry: Keyspace;
const openAs = (tenant: string, cluster: string, dataKeys = keys) =>
  confidentialKeyspaces({ open: async () => stored }, dataKeys).open(tenant, cluster, 'registry');
const create = (object: object = secret(), keyspace = registry) =>
  inTxn(keyspace, (txn) => createResource(txn, 'Secret', object, ctx));
const read = async (name = 'db') => getResource(await registry.sync(), 'Secret', 'default', name);
/** All that the log holds of Secrets, as text. */
const inLog = () =>
  Array.from(stored.view().range(SECRETS_FROM, SECRETS_TO), ({ value }) => new TextDecoder().decode(value)).join('\n');

beforeEach(async () => {
  stored = await newCluster(ctx);
  keys = memoryDataKeys();
  registry = await openAs('t', 'c');
});

describe('a Secret', () => {
  test('is encrypted in the log, annotations too, and in the clear for who reads it', async () => {
    await create();
    for (const text of [PLAIN, BASE64, 'password']) expect(inLog()).not.toContain(text);
    expect(await read()).toMatchObject({ data: { password: BASE64 }, metadata: secret().metadata });
    expect(listResources(registry.view(), 'Secret').map(({ data }) => data)).toEqual([{ password: BASE64 }]);
  });

  test('is a name, labels, owners and type to controllers, which see no more', async () => {
    await create();
    const seen = getResource(stored.view(), 'Secret', 'default', 'db')!;
    expect(isSealed(seen)).toBe(true);
    expect(seen).toMatchObject({ type: 'Opaque', metadata: { name: 'db', labels: { app: 'db' } } });
    expect(seen).not.toHaveProperty('data');
    expect(seen.metadata).not.toHaveProperty('annotations');
  });

  test('that a controller deletes keeps what it seals as long as a finalizer holds it', async () => {
    const held = secret();
    await create({ ...held, metadata: { ...held.metadata, finalizers: ['example.com/hold'] } });
    await inTxn(stored, (txn) => deleteResource(txn, 'Secret', 'default', 'db', {}, ctx));
    expect(inLog()).not.toContain(BASE64);
    expect(await read()).toMatchObject({ data: { password: BASE64 }, metadata: { deletionTimestamp: expect.any(String) } });
  });

  test('can not be written sealed, by controllers or anybody', async () => {
    await create();
    const sealed = getResource(stored.view(), 'Secret', 'default', 'db')!;
    for (const keyspace of [stored, registry])
      await expect(inTxn(keyspace, (txn) => updateResource(txn, sealed, ctx))).rejects.toThrow(/sealed: unknown field/);
  });

  test('can be changed, and a change that changes nothing writes nothing', async () => {
    await create();
    const { revision } = stored.view();
    const same = (await read())!;
    await inTxn(registry, (txn) => updateResource(txn, same, ctx));
    expect(stored.view().revision).toBe(revision);
    await inTxn(registry, (txn) => updateResource(txn, { ...same, data: { password: btoa('next') } }, ctx));
    expect((await read())!.data).toEqual({ password: btoa('next') });
  });

  test('that is immutable stays as it is', async () => {
    await create(secret('fixed', { stringData: { a: '1' }, immutable: true }));
    const before = (await read('fixed'))!;
    const error = await refusal(registry, (txn) => updateResource(txn, { ...before, data: { a: btoa('2') } }, ctx));
    expect(error.message).toMatch(/immutable/);
    expect(error.message).not.toContain(btoa('1'));
  });

  test('is seen in the clear by watchers, what it was before too', async () => {
    await create();
    const since = stored.view().revision;
    await inTxn(registry, (txn) =>
      updateResource(txn, { ...getResource(txn, 'Secret', 'default', 'db')!, data: { a: btoa('2') } }, ctx),
    );
    await inTxn(registry, (txn) => deleteResource(txn, 'Secret', 'default', 'db', {}, ctx));
    const texts: string[] = [];
    for await (const { events } of registry.watch({ from: SECRETS_FROM, to: SECRETS_TO }, since, AbortSignal.timeout(20_000))) {
      texts.push(...events.flatMap(({ kv, prev }) => [kv, prev]).map((kv) => new TextDecoder().decode(kv?.value)));
      if (texts.length === 6) break;
    }
    expect(texts.map((text) => (text ? (JSON.parse(text) as Secret).data : undefined))).toEqual([
      { password: BASE64 },
      undefined,
      { a: btoa('2') },
      { password: BASE64 },
      undefined,
      { a: btoa('2') },
    ]);
  });

  test('from before there was encryption is read as it is, and sealed by its next change', async () => {
    await create(secret(), stored);
    expect(inLog()).toContain(BASE64);
    const before = (await read())!;
    expect(before.data).toEqual({ password: BASE64 });
    await inTxn(registry, (txn) => updateResource(txn, { ...before, metadata: { ...before.metadata, labels: {} } }, ctx));
    expect(inLog()).not.toContain(BASE64);
    expect((await read())!.data).toEqual({ password: BASE64 });
  });

  test('copied into another cluster or organisation of the log does not open there', async () => {
    await create();
    for (const [tenant, cluster] of [
      ['t', 'other'],
      ['other', 'c'],
    ] as const) {
      const elsewhere = await openAs(tenant, cluster);
      const view = await elsewhere.sync();
      expect(() => getResource(view, 'Secret', 'default', 'db')).toThrow(expect.objectContaining({ code: 'secret_unreadable' }));
    }
  });
});

test('without the key service everything but Secrets can be read and written, and Secrets say why not', async () => {
  await create();
  const down: DataKeys = {
    ring: () => ({ current: undefined, get: () => undefined }),
    load: () => Promise.reject(new TerraneError('key_service_unavailable')),
  };
  const cut = await openAs('t', 'c', down);
  const view = await cut.sync();
  expect(listResources(view, 'Namespace').length).toBeGreaterThan(0);
  const unavailable = expect.objectContaining({ code: 'key_service_unavailable' });
  expect(() => listResources(view, 'Secret')).toThrow(unavailable);
  expect(() => listResources(cut.view(), 'Secret')).toThrow(unavailable);
  await expect(create(secret('new'), cut)).rejects.toThrow(unavailable);
  const map = { metadata: { name: 'm', namespace: 'default' }, data: { a: 'b' } };
  await inTxn(cut, (txn) => createResource(txn, 'ConfigMap', map, ctx));
});

test('a write ends although its key leaves memory again and again', async () => {
  let loads = 0;
  const forgetful: DataKeys = {
    ring: () => ({ current: undefined, get: () => undefined }),
    load: async () => void loads++,
  };
  const cluster = await openAs('t', 'c', forgetful);
  await expect(create(secret(), cluster)).rejects.toMatchObject({ code: 'key_service_unavailable' });
  expect(loads).toBeLessThan(10);
});

test('keys are not touched in a cluster without Secrets', async () => {
  const untouched: DataKeys = {
    ring: () => ({ current: undefined, get: () => undefined }),
    load: () => Promise.reject(new Error('asked for keys')),
  };
  const cluster = await openAs('t', 'c', untouched);
  expect(listResources(await cluster.sync(), 'Secret')).toEqual([]);
});
