import type { ReadView } from '../keyspace/types.ts';
import type { WriteContext } from '../resources/write.ts';
import { type Applied, applyChange } from './apply.ts';
import { Overlay } from './overlay.ts';
import { clusterState, type FollowingState } from './state.ts';
import type { Change, Controller, Decision, Problem } from './types.ts';

/** Rounds after which controllers that still change something are taken to work against each other. */
const MAX_ROUNDS = 40;
/** So that a commit, and the time until hosts hear of it, stays small however much there is to do. */
const MAX_CHANGES = 5_000;

export interface Limits {
  readonly maxRounds?: number;
  readonly maxChanges?: number;
}

export interface Outcome {
  /** What the controllers changed. Not committed yet. */
  readonly overlay: Overlay;
  readonly state: FollowingState;
  /**
   * `rest`: nothing is left to do. `more`: stopped at maxChanges, run again after the commit. `restless`: no end after
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
  heartbeats: ReadonlyMap<string, number>,
  controllers: readonly Controller[],
  ctx: WriteContext,
  { maxRounds = MAX_ROUNDS, maxChanges = MAX_CHANGES }: Limits = {},
): Outcome {
  const overlay = new Overlay(view);
  const state = clusterState(view, heartbeats);
  const problems = new Map<string, Problem>();
  let left = maxChanges;
  let restless: string[] = [];
  for (let round = 0; round < maxRounds; round++) {
    restless = [];
    const wakes: number[] = [];
    for (const controller of controllers) {
      const decision = decide(controller, state, ctx.now);
      for (const problem of decision.problems ?? []) note(problems, problem);
      if (decision.wakeAt !== undefined) wakes.push(decision.wakeAt);
      const changed = applyAll(decision.changes, overlay, state, controller.name, problems, ctx, left);
      if (changed > 0) restless.push(controller.name);
      left -= changed;
      if (left <= 0) return { overlay, state, end: 'more', restless, problems: [...problems.values()] };
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
  limit: number,
): number {
  let count = 0;
  let before: Applied | undefined;
  for (const change of changes) {
    if (change.verb === 'explain') {
      if (!before?.ok || before.written.length === 0) continue;
    } else if (count >= limit) break;
    const applied = applyChange(overlay, change, ctx);
    if (change.verb !== 'explain') before = applied;
    if (!applied.ok) {
      note(problems, { controller, ...about(state, change), message: applied.message });
      continue;
    }
    for (const key of applied.written) state.set(key, overlay.get(key));
    if (applied.written.length > 0) count++;
  }
  return count;
}

/** Whom a change that failed is about: the object, or for a new one its owner. */
function about(state: FollowingState, change: Change): Pick<Problem, 'object'> {
  if (change.verb === 'update' || change.verb === 'updateStatus') return { object: change.object };
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
