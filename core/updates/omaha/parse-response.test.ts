import { expect, test } from '@jest/globals';
import { parseResponse } from './parse-response.ts';
import { formatResponse } from './response.ts';

const sum = (byte: number, length: number) => Buffer.alloc(length, byte);

test('reads what our own server says', () => {
  const files = [
    { name: 'update.gz', size: 7, sha256: sum(1, 32).toString('base64'), sha1: sum(2, 20).toString('base64') },
    { name: 'oem.gz', size: 8, sha256: sum(3, 32).toString('base64') },
  ];
  const manifest = { version: '2.0.0', codebases: ['https://a.example/?x', 'https://b.example/'], files };
  const app = { appId: 'x', status: 'ok', ping: true, events: 1, updateCheck: { status: 'ok', manifest } } as const;
  expect(parseResponse(formatResponse({ server: 's', elapsedSeconds: 1, apps: [app] }))).toEqual({
    status: 'ok',
    check: 'ok',
    version: '2.0.0',
    codebases: ['https://a.example/?x', 'https://b.example/'],
    files: [
      { name: 'update.gz', size: 7, sha256: '01'.repeat(32), sha1: '02'.repeat(20) },
      { name: 'oem.gz', size: 8, sha256: '03'.repeat(32), sha1: undefined },
    ],
  });
});

test("takes the payload's sum from the action, where Flatcar's server has it", () => {
  const xml = `<response protocol="3.0"><app status="ok"><updatecheck status="ok"><urls><url codebase="https://u/"/></urls>
    <manifest version="1"><packages><package name="a" hash="" size="1"/></packages>
    <actions><action event="postinstall" sha256="${sum(9, 32).toString('base64')}"/></actions></manifest></updatecheck></app></response>`;
  expect(parseResponse(xml).files).toEqual([{ name: 'a', size: 1, sha256: '09'.repeat(32), sha1: undefined }]);
});

test.each(['', '<response>', '<html/>', '<!DOCTYPE x><response/>', '<response>&x;</response>'])('refuses %p', (xml) =>
  expect(() => parseResponse(xml)).toThrow(),
);
