/** All that a command touches outside of its arguments and the network, so that tests can hold the other end. */
export interface Io {
  /** Results. */
  readonly out: Output;
  /** Everything else: progress, questions, warnings, errors. */
  readonly err: Output;
  readonly input: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms`. Tests pass one that doesn't wait. */
  sleep(ms: number): Promise<void>;
}

export interface Output {
  readonly isTerminal: boolean;
  /** Characters a line; undefined when it is no terminal. */
  readonly columns: number | undefined;
  /** Resolves when there is room for more. */
  write(text: string | Uint8Array): Promise<void>;
}

export interface Input {
  readonly isTerminal: boolean;
  /** All of standard input. */
  readAll(): Promise<string>;
  /** One line from a person; `hidden` shows nothing of it. Rejects with `cancelled` on Ctrl-C or end of input. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
}

export async function line(output: Output, text = ''): Promise<void> {
  await output.write(`${text}\n`);
}
