/** Work that an answer doesn't wait for, but the end of the invocation must: after it Lambda freezes the process. */
const running = new Set<Promise<unknown>>();

export function inBackground(work: Promise<unknown>): void {
  const tracked: Promise<unknown> = work.catch(() => {}).finally(() => running.delete(tracked));
  running.add(tracked);
}

export async function backgroundSettled(): Promise<void> {
  while (running.size > 0) await Promise.all(running);
}
