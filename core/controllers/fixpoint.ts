import type { Key, ReadView } from '../keyspace/types.ts';
import type { WriteContext } from '../resources/write.ts';
import { type Applied, applyChange } from './apply.ts';
import { Overlay } from './overlay.ts';
import { clusterState, type FollowingState, type Hearing, REGISTRY_FROM, REGISTRY_TO } from './state.ts';
import type { Change, Controller, Decision, Problem } from './types.ts';

/** Rounds after which controllers that still change something are taken to work against each other. */
const MAX_ROUNDS = 40;
/** A transaction may have 1.5 MB (core/keyspace); what is told of problems must still fit. */
const MAX_BYTES = 1_300_000;
/** A change that just fitted is not left without its reason. */
const REASON_BYTES = 10_000;

export interface Limits {
  readonly maxRounds?: number;
  readonly maxBytes?: number;
}

export interface Outcome {
  /** What the controllers changed. Not committed yet. */
  readonly overlay: Overlay;
  readonly state: FollowingState;
  /**
   * `rest`: nothing is left to do. `more`: stopped at maxBytes, run again after the commit. `restless`: no end after
   * maxRounds; the controllers named in `restless` had changes left.
   */
  readonly end: 'rest' | 'more' | 'restless';
  readonly restless: readonly string[];
  readonly wakeAt?: number;
  readonly problems: readonly Problem[];
}

/**
 * Runs the controllers in turn, each on what those before it changed, until none has changes left. Each state on the way is
 * one that the cluster may be in, so that stopping early loses nothing.
 */
export function runControllers(
  view: ReadView,
  hearing: Hearing,
  controllers: readonly Controller[],
  ctx: WriteContext,
  { maxRounds = MAX_ROUNDS, maxBytes = MAX_BYTES }: Limits = {},
): Outcome {
  const overlay = new Overlay(view);
  const state = clusterState(view, hearing);
  const problems = new Map<string, Problem>();
  let restless: string[] = [];
  for (let round = 0; round < maxRounds; round++) {
    restless = [];
    const wakes: number[] = [];
    for (const controller of controllers) {
      const decision = decide(controller, state, ctx.now);
      for (const problem of decision.problems ?? []) note(problems, problem);
      if (decision.wakeAt !== undefined) wakes.push(decision.wakeAt);
      const { count, full } = applyAll(decision.changes, overlay, state, controller.name, problems, ctx, maxBytes);
      if (count > 0) restless.push(controller.name);
      if (full) return { overlay, state, end: 'more', restless, problems: [...problems.values()] };
    }
    if (restless.length === 0) {
      const wakeAt = wakes.length > 0 ? { wakeAt: Math.min(...wakes) } : {};
      return { overlay, state, end: 'rest', restless, ...wakeAt, problems: [...problems.values()] };
    }
  }
  return { overlay, state, end: 'restless', restless, problems: [...problems.values()] };
}

/** One controller that fails as a whole must not stop the others. */
function decide(controller: Controller, state: FollowingState, now: number): Decision {
  try {
    return controller.decide(state, now);
  } catch (error) {
    return { changes: [], problems: [{ controller: controller.name, message: messageOf(error) }] };
  }
}

function applyAll(
  changes: readonly Change[],
  overlay: Overlay,
  state: FollowingState,
  controller: string,
  problems: Map<string, Problem>,
  ctx: WriteContext,
  maxBytes: number,
): { count: number; full: boolean } {
  let count = 0;
  let before: Applied | undefined;
  for (const change of changes) {
    if (change.verb === 'explain' && (!before?.ok || before.written.length === 0)) continue;
    const applied = applyChange(overlay, change, ctx, change.verb === 'explain' ? maxBytes + REASON_BYTES : maxBytes);
    if (!applied.ok && applied.full) return { count, full: true };
    if (change.verb !== 'explain') before = applied;
    if (!applied.ok) {
      note(problems, { controller, ...about(state, change), message: applied.message });
      continue;
    }
    for (const key of applied.written) if (isResource(key)) state.set(key, overlay.get(key));
    if (applied.written.length > 0) count++;
  }
  return { count, full: false };
}

/** The books of updates are written along, too, and aren't seen. */
const isResource = (key: Key): boolean => key >= REGISTRY_FROM && key < REGISTRY_TO;

/** Whom a change that failed is about: the object, or for a new one its owner. */
function about(state: FollowingState, change: Change): Pick<Problem, 'object'> {
  if (change.verb === 'haltUpdates' || change.verb === 'giveUpOnReboot') {
    const group = state.get('UpdateGroup', '', change.group);
    return group ? { object: group } : {};
  }
  if (change.verb !== 'delete' && change.verb !== 'create' && change.verb !== 'explain') return { object: change.object };
  const uid = change.verb === 'delete' ? change.uid : change.object.metadata.ownerReferences?.[0]?.uid;
  const object = uid === undefined ? undefined : state.byUid(uid);
  return object ? { object } : {};
}

/** The same problem shows in each round, and a thousand times for a thousand pods that can't be made: the first one tells enough. */
function note(problems: Map<string, Problem>, problem: Problem): void {
  const key = JSON.stringify([problem.controller, problem.object?.metadata.uid ?? problem.message]);
  if (!problems.has(key)) problems.set(key, problem);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
