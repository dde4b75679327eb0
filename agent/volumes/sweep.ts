import { readdir } from 'node:fs/promises';
import type { Layout } from './layout.ts';
import { podVolumes } from './pod-volumes.ts';

/** Removes what pods left behind that nobody remembers: an agent was killed between forgetting and removing. */
export async function sweepPods(layout: Layout, known: ReadonlySet<string>): Promise<void> {
  const volumes = podVolumes(layout, () => undefined);
  const present = await Promise.all([layout.pods, layout.secrets].map((path) => readdir(path).catch(() => [])));
  for (const uid of new Set(present.flat())) if (!known.has(uid)) await volumes.remove(uid);
}
