import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VARIABLES } from '../functions/hosted/environment.ts';
import { startFunction } from '../test/support/lambda/function-process.ts';
import { synthesise, type SynthesisedFunction } from '../test/support/lambda/synthesised.ts';
import { urlEvent } from '../test/support/lambda/url-event.ts';

/**
 * From spawning a function's process (the Node that Lambda runs, if the build fetched it) to its first answer, beside a handler that does nothing, in the same run and taken in turns, so that
 * what else the machine does hits all alike. The answers need no store: a route that isn't there, over the whole way in.
 */

const ROUNDS = 15;
const ORIGIN_SECRET = 'bench';

interface Subject {
  readonly name: string;
  readonly fn: Pick<SynthesisedFunction, 'directory' | 'handler' | 'timeoutMs'>;
  readonly event: object;
}

export async function run(): Promise<Record<string, number>> {
  const synthesised = synthesise({ stage: 'bench' });
  const empty = emptyFunction();
  const visitor = { 'x-terrane-origin': ORIGIN_SECRET, 'x-terrane-host': 'bench.example', 'x-terrane-client-ip': '192.0.2.1' };
  const asked = (path: string) => urlEvent({ method: 'GET', path, headers: visitor });
  const paths: Record<string, object> = {
    api: asked('/v1/nowhere'),
    node: asked('/node/v1/nowhere'),
    install: asked('/artifacts/nowhere'),
    push: { requestContext: { routeKey: '$default', connectionId: 'x' } },
    reconcile: { Records: [] },
  };
  const subjects: Subject[] = [
    { name: 'empty', fn: { directory: empty, handler: 'index.handler', timeoutMs: 10_000 }, event: {} },
    ...Array.from(synthesised.functions, ([name, fn]) => ({ name, fn, event: paths[name] ?? asked('/nowhere') })).filter(
      ({ name }) => name !== 'install',
    ),
  ];

  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  const cpus = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const subject of subjects) {
      const { ms, cpu } = await firstAnswer(subject);
      // The first round warms the file cache.
      if (round === 0) continue;
      times.get(subject.name)!.push(ms);
      cpus.get(subject.name)!.push(cpu);
    }
  }
  rmSync(synthesised.directory, { recursive: true, force: true });
  rmSync(empty, { recursive: true, force: true });

  const figures: Record<string, number> = {};
  const base = median(times.get('empty')!);
  console.log(`process start to first answer, median of ${ROUNDS}, beside an empty handler in the same run`);
  for (const { name } of subjects) {
    const ms = median(times.get(name)!);
    const kb = name === 'empty' ? 0 : sizes.get(name)!;
    const cpu = median(cpus.get(name)!);
    figures[`${name}_ms`] = round1(ms);
    figures[`${name}_cpu_ms`] = cpu;
    if (name !== 'empty') {
      figures[`${name}_ratio`] = round2(ms / base);
      figures[`${name}_kb`] = kb;
    }
    const columns = [`${ms.toFixed(0)} ms`, `${(ms / base).toFixed(2)}x`, `${cpu} ms CPU`, `${kb} KB`];
    console.log(`  ${name.padEnd(10)} ${columns.map((column) => column.padStart(12)).join('')}`);
  }
  return figures;
}

const sizes = new Map<string, number>();

async function firstAnswer({ name, fn, event }: Subject): Promise<{ ms: number; cpu: number }> {
  if (!sizes.has(name)) sizes.set(name, kilobytes(fn.directory));
  const start = performance.now();
  const process = await startFunction({
    ...fn,
    name,
    environment: {
      // Whatever a function is told by its deployment, it is told something: no answer here needs more.
      ...Object.fromEntries(Object.values(VARIABLES).map((variable) => [variable, 'bench'])),
      TENANT_TABLE: 'tenant',
      IDENTITY_TABLE: 'identity',
      ORIGIN_SECRET,
      PUSH_ENDPOINT: 'http://127.0.0.1:9/live',
      MANIFEST_KEY_PARAMETER: '/bench',
    },
  });
  const answer = await process.invoke(event);
  if (answer.kind === 'stream') for await (const _ of answer.stream);
  const ms = performance.now() - start;
  const cpu = Math.round(process.cpuMs());
  await process.stop();
  return { ms, cpu };
}

function emptyFunction(): string {
  const directory = mkdtempSync(join(tmpdir(), 'terrane-empty-'));
  writeFileSync(join(directory, 'index.mjs'), 'export const handler = async () => ({ statusCode: 200 });\n');
  return directory;
}

/** All modules, those that only some requests load too. */
function kilobytes(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.mjs'));
  return Math.round(files.reduce((sum, file) => sum + statSync(join(directory, file)).size, 0) / 1024);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

const round1 = (value: number) => Math.round(value * 10) / 10;
const round2 = (value: number) => Math.round(value * 100) / 100;
