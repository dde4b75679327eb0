import { currentStateOf } from '../../fleet/current-state.ts';
import type { UnitReport } from '../../node/assigned-unit.ts';
import { STAYS_CONDITION } from '../../node/drain.ts';
import type { InboxItem } from '../../ports/inbox.ts';
import { equalJson } from '../../resources/equal.ts';
import type { Unit, UnitHost } from '../../resources/schema/unit.ts';
import { findCondition, withCondition, withoutCondition } from '../conditions.ts';
import { Draft } from '../draft.ts';
import { isOurs } from '../node/taints.ts';
import { nodeSilentAt } from '../node/silence.ts';
import { type ClusterSettings, settingsOf } from '../settings.ts';
import { timestamp } from '../time.ts';
import type { ClusterState, Controller } from '../types.ts';
import { boundUnits, whyEmptied } from './emptied.ts';
import { lossOf } from './losing.ts';
import { isWanted, parsedUnit } from './parsed.ts';
import { slowStop } from './slow-stop.ts';

/** Keeps a Unit that is being deleted until no host has it any more. */
export const UNIT_FINALIZER = 'terrane.dev/unit';

/**
 * Follows units on their hosts: brings what the hosts say into the state, marks what has to leave, and lets it go when it has left or its host is
 * lost. Where units go is the unit scheduler's.
 */
export function unitController(items: readonly InboxItem[]): Controller {
  const reports = reportsByNode(items);
  return {
    name: 'unit-controller',
    decide(state, now) {
      const draft = new Draft(this.name, now);
      const settings = settingsOf(state);
      const heard = new Map<string, ReadonlyMap<string, UnitReport>>();
      // What a silent host said last is no longer known to be true.
      for (const [nodeName, units] of reports)
        if ((nodeSilentAt(state, nodeName, settings, now) ?? Number.POSITIVE_INFINITY) > now) heard.set(nodeName, units);
      const emptied = emptiedHosts(state, draft);
      draft.forEach(state.list('Unit'), (unit) => follow({ state, draft, settings, heard, emptied, now }, unit));
      return draft.finish();
    },
  };
}

interface Situation {
  readonly state: ClusterState;
  readonly draft: Draft;
  readonly settings: ClusterSettings;
  /** Node name -> uid -> what the host says. */
  readonly heard: ReadonlyMap<string, ReadonlyMap<string, UnitReport>>;
  /** By node name. */
  readonly emptied: ReadonlyMap<string, EmptiedHost>;
  readonly now: number;
}

interface EmptiedHost {
  readonly why: string;
  /** Its units that stay: name -> why. */
  readonly bound: ReadonlyMap<string, string>;
}

function emptiedHosts(state: ClusterState, draft: Draft): Map<string, EmptiedHost> {
  const emptied = new Map<string, EmptiedHost>();
  draft.forEach(state.list('Node'), (node) => {
    const why = whyEmptied(node);
    const { name } = node.metadata;
    if (why !== undefined) emptied.set(name, { why, bound: boundUnits(state.unitsOn(name)) });
  });
  return emptied;
}

function reportsByNode(items: readonly InboxItem[]): Map<string, Map<string, UnitReport>> {
  return new Map(
    items.flatMap(({ nodeName, report }) => {
      const units = report.units ?? [];
      return units.length === 0 ? [] : [[nodeName, new Map(units.map((unit) => [placingOf(unit.uid, unit.placement), unit]))]];
    }),
  );
}

const placingOf = (uid: string, placement: number) => `${uid} ${placement}`;

function follow(situation: Situation, unit: Unit): void {
  const { draft, now } = situation;
  const before = unit.status?.hosts ?? [];
  const events: (readonly [type: 'Normal' | 'Warning', reason: string, message: string])[] = [];
  const hosts = before.flatMap((host) => {
    const next = followHost(situation, unit, host, (...event) => events.push(event));
    return next ? [next] : [];
  });
  const stay = withStay(situation, unit, hosts, (...event) => events.push(event));
  const { conditions, message, wakeAt } = slowStop(unit, hosts, stay, (nodeName) => situation.heard.has(nodeName), now);
  if (message !== undefined) events.push(['Warning', 'SlowToStop', message]);
  if (wakeAt !== undefined) draft.wakeAt(wakeAt);
  const status = {
    ...unit.status,
    ...(unit.status?.hosts || hosts.length > 0 ? { hosts } : {}),
    ...(conditions && { conditions }),
  };
  const currentState = currentStateOf({ ...unit, status });
  if (currentState !== status.currentState) {
    const { currentState: stateBefore = 'inactive' } = status;
    Object.assign(status, { currentState, stateBefore, stateSince: new Date(now).toISOString() });
  }
  const finalizers = finalizersOf(unit, hosts.length > 0);
  const moved = !equalJson(finalizers, unit.metadata.finalizers ?? []);
  // With its last finalizer it goes, and has no status any more.
  if (moved && unit.metadata.deletionTimestamp) draft.update({ ...unit, metadata: { ...unit.metadata, finalizers } });
  else if (moved) draft.updateAll({ ...unit, metadata: { ...unit.metadata, finalizers }, status });
  else if (!equalJson(status, unit.status ?? {})) draft.updateStatus({ ...unit, status });
  else return;
  for (const event of events) draft.because(unit, ...event);
}

/** A unit that some host has must not be forgotten before that host has stopped it. */
function finalizersOf({ metadata }: Unit, onHosts: boolean): string[] {
  const { finalizers = [], deletionTimestamp } = metadata;
  const others = finalizers.filter((finalizer) => finalizer !== UNIT_FINALIZER);
  if (!onHosts) return others;
  // None can be added to what is being deleted.
  return finalizers.includes(UNIT_FINALIZER) || deletionTimestamp ? finalizers : [...finalizers, UNIT_FINALIZER];
}

type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** Says of a unit that its host will take it down, because it can go nowhere else; and no longer, once that is over. */
function withStay({ emptied, now }: Situation, { metadata, status }: Unit, hosts: readonly UnitHost[], tell: Tell) {
  const before = status?.conditions;
  const [host] = hosts;
  const { why, bound } = emptied.get(host?.nodeName ?? '') ?? {};
  const because = host?.leaving === undefined ? bound?.get(metadata.name) : undefined;
  if (because === undefined) return withoutCondition(before, STAYS_CONDITION);
  const message = `It stays on ${host?.nodeName}, though ${why}: ${because}. It stops with its host, and starts again with it.`;
  if (findCondition(before, STAYS_CONDITION)?.message === message) return before;
  tell('Warning', 'StaysOnHost', message);
  return withCondition(before, { type: STAYS_CONDITION, status: 'True', reason: 'BoundToHost', message }, now);
}

/** The entry as it is now; undefined = the host doesn't have the unit any more. */
function followHost(situation: Situation, unit: Unit, host: UnitHost, tell: Tell): UnitHost | undefined {
  const { state, draft, settings, heard, now } = situation;
  const { nodeName, placement, uid = unit.metadata.uid } = host;
  const report = heard.get(nodeName)?.get(placingOf(uid, placement));
  const leaving = host.leaving ?? whyLeave(situation, unit, host);
  const marked: UnitHost = leaving === undefined ? host : { ...host, leaving, leavingSince: host.leavingSince ?? timestamp(now) };
  // Only who was told to let go can have done so: of a unit that shall be there, `gone` is from before.
  if (report?.gone && host.leaving !== undefined) {
    tell('Normal', 'Unloaded', `Host ${nodeName} has stopped and removed it: ${leaving}`);
    return undefined;
  }
  const { global } = parsedUnit(unit).requirements;
  const loss = lossOf(state, marked, { global, settings, now });
  if (loss && loss.at <= now) {
    tell('Warning', 'HostLost', loss.why);
    return undefined;
  }
  if (loss) draft.wakeAt(loss.at);
  if (leaving !== undefined && host.leaving === undefined) tell('Normal', 'Leaving', `It leaves host ${nodeName}: ${leaving}`);
  if (!report || report.gone) return marked;
  if (report.error !== undefined && report.error !== host.error) tell('Warning', 'FailedUnit', report.error);
  return { ...placingPart(marked), ...told(report) };
}

function whyLeave({ state, emptied }: Situation, unit: Unit, { nodeName, fenced, uid }: UnitHost): string | undefined {
  if (uid !== undefined) return 'another unit has taken its name';
  if (unit.metadata.deletionTimestamp) return 'it was destroyed';
  if (!isWanted(unit)) return 'it was unloaded';
  const { requirements } = parsedUnit(unit);
  if (fenced !== requirements.fenced) return 'whether it is fenced has changed';
  if (!requirements.global && (unit.status?.hosts?.length ?? 0) > 1) return 'it is no longer global';
  const node = state.get('Node', '', nodeName);
  if (!node) return 'its host was removed';
  const taint = node.spec?.taints?.find((each) => each.effect === 'NoExecute' && !isOurs(each));
  if (taint) return `its host has the taint ${taint.key}`;
  const { why, bound } = emptied.get(nodeName) ?? {};
  return requirements.global || bound?.has(unit.metadata.name) ? undefined : why;
}

/** What the control plane itself has decided of an entry. */
function placingPart({ nodeName, placement, placedAt, fenced, uid, leaving, leavingSince }: UnitHost): UnitHost {
  return {
    nodeName,
    placement,
    placedAt,
    fenced,
    ...(uid !== undefined && { uid }),
    ...(leaving !== undefined && { leaving }),
    ...(leavingSince !== undefined && { leavingSince }),
  };
}

function told({ launched, hash, loadState, activeState, subState, since, error }: UnitReport): Partial<UnitHost> {
  return {
    hash,
    loadState,
    activeState,
    subState,
    ...(launched !== undefined && { launched }),
    ...(since !== undefined && { since }),
    ...(error !== undefined && { error }),
  };
}
