import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OfferedUpdate } from '../../core/updates/agent-protocol.ts';
import { downloadFiles } from './download.ts';

const CONTENT = Buffer.from('the payload');
let server: Server;
let folder: string;
let asked: string[];
/** What the server does with the n-th request; default: it answers. */
let answers: ((n: number) => 'cut' | 'elsewhere' | 'missing' | 'longer' | 'ok') | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trn-download-'));
  asked = [];
  answers = undefined;
  server = createServer((request, response) => {
    asked.push(request.url!);
    const how = answers?.(asked.length) ?? 'ok';
    if (how === 'missing') return void response.writeHead(404).end();
    if (how === 'elsewhere') return void response.writeHead(302, { location: '/other/os.bin' }).end();
    if (how === 'longer') return void response.end(Buffer.concat([CONTENT, CONTENT]));
    if (how === 'ok') return void response.end(CONTENT);
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 4));
    setImmediate(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const sha256 = createHash('sha256').update(CONTENT).digest('hex');
const update = (sum = sha256): OfferedUpdate => ({
  package: 'p',
  version: '1',
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/`,
  files: [{ name: 'os.bin', size: CONTENT.length, sha256: sum }],
});
const download = (sum?: string) => downloadFiles(update(sum), folder, { signal: new AbortController().signal, retryMs: 1 });

describe('the files of an update', () => {
  test('come whole, also over a line that breaks and by redirects, and only once', async () => {
    answers = (n) => (n === 1 ? 'cut' : n === 2 ? 'elsewhere' : 'ok');
    await download();
    expect(readFileSync(join(folder, 'os.bin'))).toEqual(CONTENT);
    expect(asked).toEqual(['/files/os.bin', '/files/os.bin', '/other/os.bin']);
    await download();
    expect(asked).toHaveLength(3);
  });

  test.each([
    ['are others than was promised', () => download('0'.repeat(64)), /SHA-256 [0-9a-f]{64}; the package names 0{64}/, 1],
    ['are longer than was promised', () => ((answers = () => 'longer'), download()), /longer than the 11 bytes/, 1],
    ['are not there', () => ((answers = () => 'missing'), download()), /could not be downloaded: the server answered 404/, 5],
  ])('that %s are refused, and nothing is left of them', async (_, attempt, says, requests) => {
    await expect(attempt()).rejects.toThrow(says);
    expect(asked).toHaveLength(requests);
    expect(existsSync(join(folder, 'os.bin'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
