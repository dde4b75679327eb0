import { fenceGuard, type FenceGuard, type FenceGuardOptions, guardPath, NO_GUARD } from './fence-guard.ts';
import { guardProcess } from './guard-process.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

export interface HostFenceGuardOptions extends Omit<FenceGuardOptions, 'path' | 'lease' | 'process'> {
  /** `<cluster>/<host id>`: two agents may share a machine. */
  readonly owner: string;
  readonly lease: () => LeaseKeeper;
}

export const FENCE_DIRECTORY = '/run/terrane';
const UNITS = '/run/systemd/system';

/** The guard of this host's agent. */
export function hostFenceGuard({ owner, lease, ...rest }: HostFenceGuardOptions): FenceGuard {
  if (process.getuid?.() !== 0) return NO_GUARD;
  const path = guardPath(FENCE_DIRECTORY, owner);
  return fenceGuard({
    ...rest,
    path,
    lease: () => ({
      until: lease().until(),
      held: lease().lapsedAt() === undefined,
      number: lease().number(),
      graceSeconds: lease().graceSeconds(),
    }),
    onLate() {
      rest.log.warn(
        'the fence guard was told late that the lease goes on: fenced units are started anew, since it may have stopped them',
      );
      lease().anew();
    },
    process: guardProcess({ path, unitDirectory: UNITS, log: rest.log }),
  });
}
