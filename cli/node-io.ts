import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteStream } from 'node:tty';
import { cancelled } from './errors.ts';
import type { Input, Io, Output } from './io.ts';

/** The terminal, or whatever this process's standard streams are. */
export function nodeIo(): Io {
  return {
    out: nodeOutput(process.stdout),
    err: nodeOutput(process.stderr),
    input: nodeInput(),
    env: process.env,
    now: Date.now,
    sleep: (ms) => delay(ms),
  };
}

function nodeOutput(stream: WriteStream): Output {
  // Each write gives its error to whoever waits for it; without a listener a reader that has gone would end the process.
  stream.on('error', () => {});
  return {
    get isTerminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

function nodeInput(): Input {
  return {
    get isTerminal() {
      return process.stdin.isTTY === true;
    },
    async readAll() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    ask: (question, { hidden = false } = {}) => ask(question, hidden),
  };
}

async function ask(question: string, hidden: boolean): Promise<string> {
  process.stderr.write(question);
  // readline echoes what is typed to its output: for a password that goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? nowhere : process.stderr,
    terminal: process.stdin.isTTY,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(cancelled()));
      lines.once('close', () => reject(cancelled()));
    });
  } finally {
    lines.close();
    if (hidden) process.stderr.write('\n');
  }
}
