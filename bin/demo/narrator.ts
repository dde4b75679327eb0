import { styleText } from 'node:util';

/** Tells the story: a numbered step, what it does, and how long it took. To a file or pipe without colour. */
export interface Narrator {
  /** Runs one step; its result is handed on. A failure is told with the step it happened in, and rethrown. */
  step<T>(title: string, run: () => Promise<T>): Promise<T>;
  /** A line below the current step: a command that was run, or what it printed. */
  detail(text: string): void;
  command(text: string): void;
}

export function narrator(write: (text: string) => void, colour: boolean, now: () => number = Date.now): Narrator {
  const started = now();
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  let number = 0;
  return {
    async step(title, run) {
      number += 1;
      write(`${paint('bold', `${String(number).padStart(2)}. ${title}`)}\n`);
      const begun = now();
      try {
        const result = await run();
        write(`    ${paint('green', 'done')} in ${seconds(now() - begun)}  (${seconds(now() - started)} since the start)\n`);
        return result;
      } catch (error) {
        write(`    ${paint('red', 'failed')} after ${seconds(now() - begun)}: ${(error as Error).message}\n`);
        throw error;
      }
    },
    detail: (text) => write(`${text.trimEnd().replaceAll(/^/gm, '    ')}\n`),
    command: (text) => write(`    ${paint('dim', '$')} ${paint('cyan', text)}\n`),
  };
}
