import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hireJanitor, takeAwayKept } from './demo/janitor.ts';
import { demoOptions, USAGE } from './demo/options.ts';
import { narrator } from './demo/narrator.ts';
import { onNpmEnded } from './machine/npm-ended.ts';
import { type Scene, tellStory } from './demo/story.ts';

/** In a demo's directory: what is to be taken away. */
const LEFT = 'left.json';

/** `npm run demo`: the product working once, on real parts. */
async function main(): Promise<number> {
  const options = demoOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  if (options.stop !== undefined) return stopKept(options.stop);
  const over = interrupted();
  const colour = process.stdout.isTTY && !process.env.NO_COLOR;
  let told = false;
  const say = narrator((text) => void (told || process.stdout.write(text)), colour);
  const janitor = hireJanitor();
  // Short: the path of a unix socket has at most 107 characters, and the engine makes some below it.
  const dir = mkdtempSync(join(tmpdir(), 'terrane-demo-'));
  janitor.tell({ type: 'directory', path: dir });
  mkdirSync(join(dir, 'log'));
  const scene: Scene = { dir, say, janitor, children: [] };
  let code = 0;
  try {
    const end = await Promise.race([tellStory(scene, !options.once), over]);
    if (end === 'interrupted') code = 130;
    else if (options.keep) {
      for (const child of scene.children) child.release();
      await janitor.keep(join(dir, LEFT));
      console.log(`\nLeft running. Stop it with: npm run demo -- --stop ${dir}`);
      return 0;
    } else if (!options.once) {
      console.log('\nCtrl-C takes everything down.');
      await over;
    }
  } catch {
    // Ctrl-C ends programs that the story waits for, too, and may be heard of after them.
    code = (await Promise.race([over, delay(200)])) === 'interrupted' ? 130 : 1;
    // The step said what failed; programs' logs are kept for whoever wants to know why.
    if (code === 1) console.error(`\nThe demo failed. The logs of its programs are in ${join(dir, 'log')}`);
  }
  told = true;
  console.log('taking everything down');
  await janitor.finish({ keepLogs: code === 1 });
  return code;
}

async function stopKept(dir: string): Promise<number> {
  if (!existsSync(join(dir, LEFT))) {
    console.error(`no demo was left running in ${dir}`);
    return 1;
  }
  console.log('taking everything down');
  await takeAwayKept(join(dir, LEFT));
  return 0;
}

/** Ctrl-C (again while everything is taken down: it goes on), the end of the terminal, or of npm or the reader of a pipe, which tell nobody. */
function interrupted(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    const end = () => resolve('interrupted');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
    process.stdout.on('error', end);
    process.stderr.on('error', end);
    onNpmEnded(end, () => true);
  });
}

process.exitCode = await main();
// A story that was interrupted may still hold timers.
process.exit();
