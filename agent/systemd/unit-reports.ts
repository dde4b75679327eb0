import type { AssignedUnit, UnitReport } from '../../core/node/assigned-unit.ts';
import { isUp, type Launch, type ObservedUnit, type SystemdState } from './observed.ts';
import { hostsOwn } from './plan-units.ts';

export interface UnitReportsInput {
  readonly units: readonly AssignedUnit[];
  readonly observed: ReadonlyMap<string, ObservedUnit>;
  readonly launches: ReadonlyMap<string, Launch>;
  readonly pathOf: (name: string) => string;
  /** ms since the epoch by this host's clock -> RFC 3339. */
  readonly time: (at: number) => string;
}

const ERROR_MAX = 1000;

/** What the host says of the units that are assigned to it; nothing of those that it has yet to take in. */
export function unitReports({ units, observed, launches, pathOf, time }: UnitReportsInput): UnitReport[] {
  const sinceOf = (since: number | undefined) => (since === undefined ? {} : { since: time(since) });
  return units.flatMap((unit): UnitReport[] => {
    const { name, uid, placement } = unit;
    const { state, file } = observed.get(name) ?? {};
    if (!state) return [];
    const foreign = hostsOwn(state, pathOf(name));
    const { loadState, activeState, subState, since } = state;
    const shown = { name, uid, placement, loadState, activeState, subState };
    if (unit.desired === 'absent') {
      const gone = !file && (foreign || !isUp(state));
      return [{ ...shown, hash: file?.hash ?? '', ...sinceOf(since), ...(gone ? { gone } : {}) }];
    }
    if (file?.uid !== uid && !foreign) return [];
    const launch = launches.get(name);
    const mine = launch?.uid === uid ? launch : undefined;
    const error = problem(state, foreign, mine);
    return [
      {
        ...shown,
        hash: file?.hash ?? '',
        ...(mine && !mine.starting ? { launched: mine.generation } : {}),
        ...sinceOf(since),
        ...(error === undefined ? {} : { error: error.slice(0, ERROR_MAX) }),
      },
    ];
  });
}

function problem(state: SystemdState, foreign: boolean, launch: Launch | undefined): string | undefined {
  const { fragmentPath, loadState, loadError, activeState, outcome } = state;
  if (foreign) {
    const what = loadState === 'masked' ? 'is masked on the host' : `is the host's own (${fragmentPath || 'made by systemd'})`;
    return `a unit of this name ${what}: give yours another name`;
  }
  if (loadState !== 'loaded' && loadState !== 'not-found') return `systemd can't load it: ${loadError || loadState}`;
  if (launch?.error !== undefined || activeState !== 'failed') return launch?.error;
  return `it has failed${outcome ? ` (${outcome})` : ''}; its journal says more`;
}
