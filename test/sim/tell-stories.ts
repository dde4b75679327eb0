import { parseArgs } from 'node:util';

/** What one seed's story came to: findings as lines, and counts of what happened in it. */
export interface Told {
  readonly findings: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * The command line of a simulator, `[--seeds N] [--from S]`: one story a seed. Prints what is wrong and how to see it again; gives the exit
 * code.
 */
export async function tellStories(
  command: string,
  tell: (seed: number) => Promise<Told>,
  args = process.argv.slice(2),
): Promise<number> {
  const asked = seedsOf(args);
  if (!asked) {
    console.error(`--seeds and --from are whole numbers: ${command} -- --seeds 1000 --from 1`);
    return 2;
  }
  const { from, seeds } = asked;

  const total: Record<string, number> = {};
  let bad = 0;
  const startedAt = performance.now();
  for (let seed = from; seed < from + seeds; seed++) {
    const { findings, counts } = await tell(seed).catch(broken);
    for (const [what, count] of Object.entries(counts)) total[what] = (total[what] ?? 0) + count;
    if (findings.length === 0) continue;
    bad++;
    console.error(`seed ${seed}: ${findings.length} findings. Again: ${command} -- --seeds 1 --from ${seed}`);
    for (const what of findings.slice(0, 5)) console.error(`  ${what}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${seeds} seeds in ${seconds.toFixed(1)} s: ${bad} with findings`);
  console.log(
    Object.entries(total)
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
  );
  return bad > 0 ? 1 : 0;
}

/** Undefined: they are not as they should be. */
function seedsOf(args: string[]): { readonly from: number; readonly seeds: number } | undefined {
  try {
    const options = { seeds: { type: 'string', default: '200' }, from: { type: 'string', default: '1' } } as const;
    const { values } = parseArgs({ args, options });
    const [from, seeds] = [Number(values.from), Number(values.seeds)];
    return Number.isSafeInteger(from) && Number.isSafeInteger(seeds) && seeds >= 1 ? { from, seeds } : undefined;
  } catch {
    return undefined;
  }
}

/** A story that could not be told to its end is one to be looked at, too: it has a seed. */
function broken(error: unknown): Told {
  return { findings: [`it broke off: ${error instanceof Error ? error.stack : String(error)}`], counts: {} };
}
