import type { FunctionName } from '../../lib/hosted-function.ts';
import type { hostedInstallation } from '../../test/support/lambda/hosted-installation.ts';

/** As lib/ has it, MB. */
const MEMORY: Readonly<Record<FunctionName, number>> = {
  api: 1024,
  node: 512,
  push: 256,
  reconcile: 1024,
  install: 256,
  updates: 512,
};
/** Lambda gives a whole CPU at so many MB, and below that a part of it. */
const WHOLE_CPU_MB = 1769;

/**
 * So far: invocations, their memory, and GB-seconds of computing. A function is billed for the time that it takes: its CPU time, as
 * here, stretched by the part of a CPU that its memory buys; to which comes what it waits for the store.
 */
export function lambdaUsage(functions: Awaited<ReturnType<typeof hostedInstallation>>['functions']): {
  invocations: number;
  gb: number;
  cpuGbSeconds: number;
} {
  const used = { invocations: 0, gb: 0, cpuGbSeconds: 0 };
  for (const [name, pool] of functions) {
    used.invocations += pool.invocations();
    used.gb += (pool.invocations() * MEMORY[name as FunctionName]) / 1024;
    used.cpuGbSeconds += ((pool.cpuMs() / 1000) * WHOLE_CPU_MB) / 1024;
  }
  return used;
}
