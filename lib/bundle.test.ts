import { expect, test } from '@jest/globals';
import { buildSync, type Metafile } from 'esbuild';
import { buildOptions } from './bundle.ts';
import type { FunctionName } from './hosted-function.ts';

/** What a start reads: the bundle without what is imported lazily. */
function startOf(name: FunctionName): { readonly kilobytes: number; readonly clients: readonly string[] } {
  const { outputs } = buildSync({ ...buildOptions(name, '/nowhere'), write: false, metafile: true }).metafile as Metafile;
  const entry = Object.keys(outputs).find((path) => path.endsWith('/index.mjs'))!;
  const read = new Set<string>();
  const visit = (path: string): void => {
    if (read.has(path) || !outputs[path]) return;
    read.add(path);
    for (const { kind, path: next } of outputs[path].imports) if (kind === 'import-statement') visit(next);
  };
  visit(entry);
  const parts = [...read].map((path) => outputs[path]!);
  const clients = parts.flatMap(({ inputs }) =>
    Object.keys(inputs).flatMap((input) => /@aws-sdk\/(client-[\w-]+)\//.exec(input)?.[1] ?? []),
  );
  return { kilobytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) / 1024, clients: [...new Set(clients)].sort() };
}

test.each<[FunctionName, number, string]>([
  ['api', 1000, 'client-dynamodb'],
  ['node', 750, 'client-dynamodb'],
  ['push', 400, 'client-dynamodb'],
  ['reconcile', 700, 'client-dynamodb'],
  ['updates', 700, 'client-dynamodb'],
  ['install', 350, 'client-ssm'],
])(
  'a start of %s reads at most %d KB, and of AWS clients %s only: the others wait until they are needed',
  (name, most, client) => {
    const { kilobytes, clients } = startOf(name);
    expect(clients).toEqual([client]);
    expect(kilobytes).toBeLessThan(most);
  },
);
