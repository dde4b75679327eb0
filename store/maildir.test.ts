import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { maildirMailer } from './maildir.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'terrane-mail-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function mailer(printed: string[] = []) {
  const print = (mail: { text: string }) => void printed.push(mail.text);
  return maildirMailer({ directory: join(directory, 'mail'), from: 'terrane@localhost', clock: { now: () => 0 }, print });
}

async function delivered(): Promise<string[]> {
  const folder = join(directory, 'mail', 'new');
  return Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
}

describe('the maildir', () => {
  test('holds each mail as a message that only the operator may read, and it is shown', async () => {
    const printed: string[] = [];
    await mailer(printed).send({ to: 'ada@example.com', subject: 'Grüße', text: 'Hello\nhttps://x/y' });
    const [message] = await delivered();
    expect(message).toBe(
      [
        'From: Terrane <terrane@localhost>',
        'To: <ada@example.com>',
        'Subject: =?utf-8?B?R3LDvMOfZQ==?=',
        'Date: Thu, 01 Jan 1970 00:00:00 +0000',
        message!.split('\n')[4],
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 8bit',
        '',
        'Hello',
        'https://x/y',
        '',
      ].join('\n'),
    );
    expect(printed).toEqual(['Hello\nhttps://x/y']);
    const folder = join(directory, 'mail', 'new');
    expect((await stat(join(folder, (await readdir(folder))[0]!))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'mail', 'tmp'))).toEqual([]);
  });

  test('keeps mails of the same moment apart', async () => {
    const one = mailer();
    await Promise.all([1, 2, 3].map((n) => one.send({ to: 'a@b.c', subject: `${n}`, text: '' })));
    expect(await delivered()).toHaveLength(3);
  });

  test('does not let a subject add headers', async () => {
    await mailer().send({ to: 'a@b.c', subject: 'x\r\nBcc: evil@example.com', text: '' });
    expect((await delivered())[0]).not.toMatch(/^Bcc/m);
  });
});
