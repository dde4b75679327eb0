import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `npm run bench -- NAME [--json]`: runs bench/NAME.ts. With --json the last line is one JSON object of numbers. */

interface Benchmark {
  run(): Promise<Record<string, number>>;
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const [name] = args.filter((argument) => !argument.startsWith('--'));
  const names = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts') && file !== 'run.ts' && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
  if (!name || !names.includes(name) || !existsSync(join(import.meta.dirname, `${name}.ts`))) {
    console.error(
      `${name ? `there is no benchmark "${name}".` : 'Which benchmark?'} Usage: npm run bench -- NAME [--json], NAME one of: ${names.join(', ')}`,
    );
    return 2;
  }
  const benchmark = (await import(`./${name}.ts`)) as Benchmark;
  const figures = await benchmark.run();
  if (json) console.log(JSON.stringify(figures));
  return 0;
}

// A benchmark may leave idle connections behind; its figures are printed, so leave.
process.exit(await main(process.argv.slice(2)));
