import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/ports/clock.ts';
import type { Mail, Mailer } from '../core/ports/mailer.ts';

export interface MaildirOptions {
  /** Made if missing, with new/, cur/ and tmp/ (https://cr.yp.to/proto/maildir.html). */
  readonly directory: string;
  readonly from: string;
  readonly clock: Clock;
  /**
   * Shows the mail to the operator, e.g. on the terminal. It holds one-time links: never hand it to a log that is kept.
   */
  readonly print: (mail: Mail, file: string) => void;
}

/** The embedded server's mailer: each mail is a file that a mail program can open, and is shown to the operator. */
export function maildirMailer({ directory, from, clock, print }: MaildirOptions): Mailer {
  let ready: Promise<unknown> | undefined;
  let count = 0;
  return {
    async send(mail) {
      ready ??= Promise.all(['new', 'cur', 'tmp'].map((part) => mkdir(join(directory, part), { recursive: true, mode: 0o700 })));
      await ready;
      const now = clock.now();
      const name = `${Math.floor(now / 1000)}.${process.pid}_${++count}_${randomBytes(6).toString('hex')}.terrane`;
      await writeFile(join(directory, 'tmp', name), message(mail, from, now, name), { mode: 0o600, flush: true });
      const file = join(directory, 'new', name);
      await rename(join(directory, 'tmp', name), file);
      print(mail, file);
    },
  };
}

function message(mail: Mail, from: string, now: number, name: string): string {
  const headers = [
    `From: Terrane <${oneLine(from)}>`,
    `To: <${oneLine(mail.to)}>`,
    `Subject: ${encodedWord(mail.subject)}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${name}@terrane.invalid>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ];
  return `${headers.join('\n')}\n\n${mail.text}\n`;
}

/** A line break in a header would start another header. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

function encodedWord(text: string): string {
  const line = oneLine(text);
  return /^[\x20-\x7e]*$/.test(line) ? line : `=?utf-8?B?${Buffer.from(line).toString('base64')}?=`;
}
