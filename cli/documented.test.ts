import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';

/** The documents name the commands that there are, and no others. */

const TOP = join(import.meta.dirname, '..');
const never = () => Promise.reject(new Error('nothing is run here'));
const program = createProgram({ io: {} as Io, version: '0', runServer: never, runAgent: never });

const documents = [
  'README.md',
  ...readdirSync(join(TOP, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const textOf = (path: string) => readFileSync(join(TOP, path), 'utf8');

function leaves(command: Command, path: readonly string[] = []): string[][] {
  const below = command.commands.filter((one) => one.name() !== 'help');
  return below.length === 0 ? [[...path]] : below.flatMap((one) => leaves(one, [...path, one.name()]));
}

/** Lines of the shell blocks that run `terrane`, from that word to the end of the command. */
function* commandsIn(text: string): Generator<string> {
  for (const [, block] of text.matchAll(/^```(?:sh|console)\n([\s\S]*?)^```/gm)) {
    for (const line of block!.split('\n')) {
      for (const [, words] of line
        .replace(/(^|\s)#.*$/, '')
        .matchAll(/(?:^|[\s(;&|])terrane ((?:[^|&;()<>"']|"[^"]*"|'[^']*'|<\()+)/g))
        yield words!.trim();
    }
  }
}

/** Commands in running text, from the word after `terrane`; a group of them is named there, too. */
function* commandsMentioned(text: string): Generator<string> {
  for (const [, words] of text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`terrane ([^`\n]+)`/g))
    yield words!.replace(/[>|].*$/, '').trim();
}

/** What is wrong with these words after `terrane`; undefined if they could be run. */
function mistake(words: string): string | undefined {
  const tokens = words.split(/\s+/);
  const chain: Command[] = [program];
  for (const token of tokens) {
    const next = chain.at(-1)!.commands.find((one) => one.name() === token || one.aliases().includes(token));
    if (next) chain.push(next);
    else break;
  }
  if (chain.length === 1 || (chain.at(-1)!.commands.length > 0 && tokens.length >= chain.length)) return `no command: ${words}`;
  // After `--` stands a command of the host's.
  const own = tokens.slice(0, tokens.includes('--') ? tokens.indexOf('--') : tokens.length);
  const known = new Set(['--help', ...chain.flatMap((one) => one.options.flatMap(({ long, short }) => [long, short]))]);
  const unknown = own
    .filter((token) => /^--?[a-z]/i.test(token))
    .map((token) => token.split('=')[0]!)
    .filter((flag) => !known.has(flag));
  return unknown.length > 0 ? `no option ${unknown.join(', ')}: ${words}` : undefined;
}

test('every command is in docs/cli.md', () => {
  const lines = textOf('docs/cli.md').split('\n');
  const missing = leaves(program).filter((path) => {
    const words = [path[0]!, ...path.slice(-1)];
    return !lines.some((line) => words.every((word) => new RegExp(`(^|[^\\w-])${word}($|[^\\w-])`).test(line)));
  });
  expect(missing.map((path) => path.join(' '))).toEqual([]);
});

test('every command that a document runs exists, with its options', () => {
  const mistakes = documents.flatMap((path) =>
    [...commandsIn(textOf(path)), ...commandsMentioned(textOf(path))].flatMap((words) => {
      const problem = mistake(words);
      return problem === undefined ? [] : [`${path}: ${problem}`];
    }),
  );
  expect(mistakes).toEqual([]);
});

test('this test sees what is wrong', () => {
  expect([...commandsIn('```sh\neval "$(terrane kv shell-env)" && terrane nosuch x | cat  # terrane y\n```')]).toEqual([
    'kv shell-env',
    'nosuch x',
  ]);
  expect(mistake('kv shell-env')).toBeUndefined();
  expect(mistake('unit exec web -- df -h')).toBeUndefined();
  expect(mistake('nosuch x')).toBe('no command: nosuch x');
  expect(mistake('cluster')).toBeUndefined();
  expect(mistake('cluster nosuch')).toBe('no command: cluster nosuch');
  expect(mistake('cluster create prod --nosuch=1')).toBe('no option --nosuch: cluster create prod --nosuch=1');
});
