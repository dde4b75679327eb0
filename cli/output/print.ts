import { type Io, line } from '../io.ts';
import { plainText } from './colour.ts';

export async function printJson(io: Io, value: unknown): Promise<void> {
  await line(io.out, JSON.stringify(value, null, 2));
}

export async function printYaml(io: Io, value: unknown): Promise<void> {
  const { stringify } = await import('../yaml.ts');
  // YAML 1.1 quotes what other readers (kubectl) would take for a boolean or a number.
  await io.out.write(stringify(value, { lineWidth: 0, version: '1.1' }));
}

/** The JSON of a result, or the words for it: each command has both. */
export async function printResult(io: Io, json: boolean, value: unknown, words: string): Promise<void> {
  if (json) await printJson(io, value);
  else await line(io.out, words);
}

/** Says what is going on, to people only: on standard error and not with --json. */
export async function note(io: Io, json: boolean, words: string): Promise<void> {
  if (!json) await line(io.err, plainText(words));
}
