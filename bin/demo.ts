import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoOptions, USAGE } from './demo/options.ts';
import { narrator } from './demo/narrator.ts';
import { type Scene, tellStory } from './demo/story.ts';

/** `npm run demo`: the product working once, on real parts. */
async function main(): Promise<number> {
  const options = demoOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  const colour = process.stdout.isTTY && !process.env.NO_COLOR;
  const say = narrator((text) => process.stdout.write(text), colour);
  // Short: the path of a unix socket has at most 107 characters, and the engine makes some below it.
  const dir = mkdtempSync(join(tmpdir(), 'terrane-demo-'));
  mkdirSync(join(dir, 'log'));
  const scene: Scene = { dir, say, cleanups: [], stopCommands: [], children: [] };
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  let code = 0;
  try {
    const told = await Promise.race([tellStory(scene), interrupted]);
    if (told === 'interrupted') code = 130;
    else if (options.keep) {
      for (const child of scene.children) child.release();
      console.log(`\nLeft running. Stop it with: ${scene.stopCommands.join('; ')}; rm -rf ${dir}`);
      return 0;
    } else if (!options.once) {
      console.log('\nCtrl-C takes everything down.');
      await interrupted;
    }
  } catch {
    // The step said what failed; programs' logs are kept for whoever wants to know why.
    console.error(`\nThe demo failed. The logs of its programs are in ${join(dir, 'log')}`);
    code = 1;
  }
  console.log('taking everything down');
  for (const cleanup of scene.cleanups.toReversed())
    await cleanup().catch((error: Error) => console.error(`while cleaning up: ${error.message}`));
  if (code === 0) rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  return code;
}

process.exitCode = await main();
// A story that was interrupted may still hold timers.
process.exit();
