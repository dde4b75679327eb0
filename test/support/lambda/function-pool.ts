import { finished } from 'node:stream/promises';
import { type FunctionOptions, type FunctionProcess, startFunction } from './function-process.ts';
import type { Answer } from './runtime-api.ts';

/** A Lambda function: execution environments made as they are needed, each with one event at a time. */
export interface FunctionPool {
  invoke(event: unknown): Promise<Answer>;
  call(event: unknown): Promise<unknown>;
  /** Events answered so far. */
  readonly invocations: () => number;
  /** CPU time that all environments have used, ms. */
  readonly cpuMs: () => number;
  readonly logs: () => string;
  stop(): Promise<void>;
}

export function functionPool(options: FunctionOptions): FunctionPool {
  const all: FunctionProcess[] = [];
  const idle: FunctionProcess[] = [];
  let invocations = 0;

  async function take(): Promise<FunctionProcess> {
    const warm = idle.pop();
    if (warm) return warm;
    const made = await startFunction(options);
    all.push(made);
    await made.ready;
    return made;
  }

  async function invoke(event: unknown): Promise<Answer> {
    const process = await take();
    const answer = await process.invoke(event);
    invocations++;
    if (answer.kind === 'value') idle.push(process);
    else
      void finished(answer.stream).then(
        () => idle.push(process),
        () => {},
      );
    return answer;
  }

  return {
    invoke,
    async call(event) {
      const answer = await invoke(event);
      if (answer.kind !== 'value') throw new Error(`${options.name} streamed where a value was expected`);
      return answer.value;
    },
    invocations: () => invocations,
    cpuMs: () => all.reduce((sum, process) => sum + process.cpuMs(), 0),
    logs: () => all.flatMap(({ logs }) => logs).join(''),
    async stop() {
      await Promise.all(all.map((process) => process.stop()));
    },
  };
}
