import { afterSteps } from '../../core/network/kernel/after-steps.ts';
import { networkSteps } from '../../core/network/kernel/diff.ts';
import type { ObservedNetwork, WantedNetwork } from '../../core/network/kernel/state.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { applySteps, observeNetwork } from '../kernel/ip.ts';

/** The kernel's part of the pods' network. What it holds is remembered, so that a small change costs no look at all of it. */
export interface KernelNetwork {
  /** Somebody else may have changed it: the next look is a real one. */
  forget(): void;
  /** What it holds; `fresh`: just read, and not remembered. Throws as observeNetwork does. */
  look(): Promise<{ observed: ObservedNetwork; fresh: boolean }>;
  /** Makes it so. Returns what was refused, in words. Throws ToolMissing. */
  program(wanted: WantedNetwork, observed: ObservedNetwork): Promise<string[]>;
}

export interface KernelNetworkOptions {
  readonly log: Logger;
  readonly now: () => number;
  /** What was read longer ago is read anew, ms: small changes may come so often that nobody ever forgets it. */
  readonly rememberMs: number;
  readonly observe?: () => Promise<ObservedNetwork>;
  readonly apply?: typeof applySteps;
}

export function kernelNetwork({
  log,
  now,
  rememberMs,
  observe = observeNetwork,
  apply = applySteps,
}: KernelNetworkOptions): KernelNetwork {
  let held: ObservedNetwork | undefined;
  let readAt = 0;
  return {
    forget() {
      held = undefined;
    },
    async look() {
      const age = now() - readAt;
      if (held && age >= 0 && age < rememberMs) return { observed: held, fresh: false };
      readAt = now();
      return { observed: await observe(), fresh: true };
    },
    async program(wanted, observed) {
      const steps = networkSteps(wanted, observed);
      const refused = await apply(steps);
      held = refused.length === 0 ? afterSteps(observed, steps) : undefined;
      if (steps.length > 0) log.info('the network was programmed', { steps: steps.length, refused: refused.length });
      return refused.map(({ line, reason }) => `${line}: ${reason}`);
    },
  };
}
