import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { codebaseOf } from '../../core/updates/codebase.ts';
import { formatTicket, parseTicket, TICKET_MS } from '../../core/updates/payload-ticket.ts';
import { getResource, listResources } from '../../core/resources/write.ts';
import { payloadFiles } from '../../store/payload-files.ts';
import { type UpdatesHarness, updatesHarness } from './testing/harness.ts';
import { rangeOf } from './payloads.ts';

const directory = mkdtempSync(join(tmpdir(), 'terrane-payloads-'));
afterAll(() => rmSync(directory, { recursive: true }));

const bytes = randomBytes(1000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const payload = { tenant: 'acme', cluster: 'prod', sha256, size: bytes.length };
const key = new Uint8Array(32);
const stream = (content: Uint8Array) => new Blob([content]).stream() as ReadableStream<Uint8Array>;

let updates: UpdatesHarness;
let base: string;

beforeEach(async () => {
  updates = await updatesHarness(directory);
  await updates.create('UpdatePackage', 'os-2', {
    application: 'flatcar',
    version: '2.0.0',
    files: [{ name: 'update.gz', size: bytes.length, sha256 }],
  });
  await payloadFiles(directory).put(payload, stream(bytes));
  const context = { origin: 'http://here', tenant: 'acme', cluster: 'prod', now: updates.clock.at, key };
  base = codebaseOf(getResource(await updates.cluster.sync(), 'UpdatePackage', '', 'os-2')!, context);
});

const get = (url: string, headers: Record<string, string> = {}, method = 'GET') => updates.app.request(url, { method, headers });

describe('a payload that lies here', () => {
  test('is fetched by its signed URL, whole or from where a client stopped', async () => {
    const whole = await get(`${base}update.gz`);
    expect([whole.status, whole.headers.get('content-length'), whole.headers.get('accept-ranges')]).toEqual([
      200,
      '1000',
      'bytes',
    ]);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await get(`${base}update.gz`, { range: 'bytes=900-' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 900-999/1000']);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(900))).toBe(true);
    expect((await get(`${base}update.gz`, { range: 'bytes=1000-' })).status).toBe(416);
    const changed = await get(`${base}update.gz`, { range: 'bytes=900-', 'if-range': '"another"' });
    expect(changed.status).toBe(200);
    const head = await get(`${base}update.gz`, {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1000', '']);
  });

  test('is for nobody else: not by another signature, for another file, after a day, or when its package is gone', async () => {
    const wrong = base.replace(/\.(.)/, (_, first: string) => `.${first === 'A' ? 'B' : 'A'}`);
    expect((await get(`${wrong}update.gz`)).status).toBe(404);
    expect((await get(`${base}other.gz`)).status).toBe(404);
    expect((await get('http://here/updates/payloads/x/update.gz')).status).toBe(404);
    const other = formatTicket(
      { tenant: 'other', cluster: 'prod', package: 'os-2', expiresAt: updates.clock.at + 1 },
      randomBytes(32),
    );
    expect((await get(`http://here/updates/payloads/${other}/update.gz`)).status).toBe(404);
    updates.clock.at += TICKET_MS;
    const over = await get(`${base}update.gz`);
    expect([over.status, await over.text()]).toEqual([404, expect.stringContaining('Ask for the update again')]);
  });

  test('that was never uploaded is said to be missing, to the host and by an Event on its package, once in ten minutes', async () => {
    await payloadFiles(directory).keepOnly('acme', 'prod', new Set());
    const events = async () =>
      listResources(await updates.cluster.sync(), 'Event').map(({ reason, message, count, involvedObject }) => [
        [reason, count, involvedObject.kind, involvedObject.name],
        message,
      ]);
    const missing = await get(`${base}update.gz`);
    expect([missing.status, await missing.text()]).toEqual([
      404,
      expect.stringContaining('update.gz of the package os-2 was not uploaded'),
    ]);
    const said = expect.stringContaining('its file update.gz was not uploaded: terrane update package upload os-2');
    await get(`${base}update.gz`);
    expect(await events()).toEqual([[['FileMissing', 1, 'UpdatePackage', 'os-2'], said]]);
    updates.clock.at += 601_000;
    await Promise.all([get(`${base}update.gz`), get(`${base}update.gz`), get(`${base}update.gz`)]);
    expect(await events()).toEqual([[['FileMissing', 2, 'UpdatePackage', 'os-2'], said]]);
  });
});

test('a ticket says what was signed, until it is over', () => {
  const ticket = { tenant: 'acme', cluster: 'prod', package: 'os', expiresAt: 10 };
  const text = formatTicket(ticket, key);
  expect(parseTicket(text, key, 9)).toEqual(ticket);
  expect(parseTicket(text, key, 10)).toBeUndefined();
  expect(parseTicket(text, randomBytes(32), 9)).toBeUndefined();
  for (const bad of ['', '.', 'a.b.c', `${text}.`, text.slice(1)]) expect(parseTicket(bad, key, 9)).toBeUndefined();
});

test.each([
  [undefined, 'all'],
  ['bytes=0-', [0, 9]],
  ['bytes=3-5', [3, 5]],
  ['bytes=3-99', [3, 9]],
  ['bytes=-4', [6, 9]],
  ['bytes=-99', [0, 9]],
  ['bytes=-0', 'none'],
  ['bytes=10-', 'none'],
  ['bytes=5-3', 'all'],
  ['bytes=0-1,4-5', 'all'],
  ['lines=1-2', 'all'],
  ['bytes=-', 'all'],
])('the range %s of ten bytes is %p', (header, range) => expect(rangeOf(header, 10)).toEqual(range));

describe('files of payloads', () => {
  const other = (more: object) => payloadFiles(directory).put({ ...payload, cluster: 'other', ...more }, stream(bytes));
  test('are kept only if they are what they should be', async () => {
    await expect(other({ sha256: '0'.repeat(64) })).rejects.toThrow('the sum of the file is not the one');
    await expect(other({ size: 999 })).rejects.toThrow('more than the 999 bytes');
    await expect(other({ size: 1001 })).rejects.toThrow('the file has 1000 bytes, the package says 1001');
    expect(readdirSync(join(directory, 'acme/other'))).toEqual([]);
  });
  test('are a cluster’s own, and go when no package names them', async () => {
    const files = payloadFiles(directory);
    await other({});
    expect(await files.has({ ...payload, tenant: 'else' })).toBe(false);
    await files.keepOnly('acme', 'other', new Set([sha256]));
    expect(await files.has({ ...payload, cluster: 'other' })).toBe(true);
    await files.keepOnly('acme', 'other', new Set());
    expect([await files.has({ ...payload, cluster: 'other' }), await files.has(payload)]).toEqual([false, true]);
  });
});
