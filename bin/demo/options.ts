import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Exit after the story. Without it the demo stays up until Ctrl-C. */
  readonly once: boolean;
  /** Leave everything running when the demo exits. */
  readonly keep: boolean;
}

export const USAGE = `npm run demo [-- --once] [-- --keep]

  (nothing)  tells the story, then stays up for you to try things, until Ctrl-C takes everything down
  --once     takes everything down after the story and exits
  --keep     exits after the story and leaves everything running; says how to stop it`;

export function demoOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: { once: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return 'help';
  if (values.once && values.keep) throw new Error('--once takes everything down, --keep leaves it up: choose one');
  return { once: values.once ?? false, keep: values.keep ?? false };
}
