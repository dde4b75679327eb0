import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Exit after the story. Without it the demo stays up until Ctrl-C. */
  readonly once: boolean;
  /** Leave everything running when the demo exits. */
  readonly keep: boolean;
  /** Take down what a demo with `keep` has left in this directory, and do nothing else. */
  readonly stop: string | undefined;
}

export const USAGE = `npm run demo [-- --once | --keep | --stop DIR]

  (nothing)  tells the story, then stays up for you to try things, until Ctrl-C takes everything down
  --once     takes everything down after the story and exits
  --keep     exits after the story and leaves everything running; says how to stop it
  --stop DIR takes down what --keep has left`;

export function demoOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean' },
      keep: { type: 'boolean' },
      stop: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  if (values.once && values.keep) throw new Error('--once takes everything down, --keep leaves it up: choose one');
  if (values.stop !== undefined && (values.once || values.keep)) throw new Error('--stop takes a demo down and tells no story');
  return { once: values.once ?? false, keep: values.keep ?? false, stop: values.stop };
}
