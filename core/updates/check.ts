import type { TxnView } from '../keyspace/types.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import type { UpdatePackage } from '../resources/schema/update-package.ts';
import { parseTime } from '../controllers/time.ts';
import { getResource, listResources, type WriteContext } from '../resources/write.ts';
import { type KeptInstance, readInstance, readLedger, unknownInstance, writeInstance, writeLedger } from './book.ts';
import { type Answer, answerCheck, type Hold } from './grant.ts';
import { haltedBecause } from './halting.ts';
import { arrived, fold, granted, type Happening, type InstanceRecord, type Outcome } from './instance.ts';
import { grantOf, without } from './ledger.ts';
import type { Ledger, Policy } from './model.ts';
import { forgetStale } from './retention.ts';
import { channelOf, findGroup, policyOf } from './settings.ts';
import { tellStatus, tellStatusOf } from './status.ts';
import { normal, tell, warning } from './tell.ts';
import { unhealthyWorkload, unreadyPods } from './workload-health.ts';

/** An instance and what it says, whatever protocol it speaks. */
export interface Said {
  /** As settings.ts' applicationOf gives it. */
  readonly application: string;
  readonly instance: string;
  /** What it runs. */
  readonly version: string;
  readonly arch: string;
  /** Asked for only where a rollout goes by labels: finding them looks at every node. */
  labels(): Readonly<Record<string, string>>;
  readonly happenings: readonly Happening[];
  /** It asks whether there is an update. */
  readonly asks: boolean;
}

/** Of one that names its group itself, by a track or its name. */
export interface Report extends Said {
  readonly track: string;
}

export type CheckAnswer =
  /** No group of that application has that name or track. */
  | { readonly type: 'unknown-group' }
  | { readonly type: 'acknowledged'; readonly group: UpdateGroup }
  | { readonly type: 'hold'; readonly group: UpdateGroup; readonly reason: Hold }
  | { readonly type: 'update'; readonly group: UpdateGroup; readonly package: UpdatePackage };

/** As checkIn, of the group that an instance names, in whatever way. */
export function check(txn: TxnView, report: Report, ctx: WriteContext): CheckAnswer {
  const group = findGroup(txn, report.application, report.track);
  return group ? checkIn(txn, group, report, ctx) : { type: 'unknown-group' };
}

/**
 * Takes what an instance says and answers it, in one transaction: the books are read, the rules applied and the books written, so
 * that limits hold however many ask at once. Writes nothing if nothing changes.
 */
export function checkIn(
  txn: TxnView,
  group: UpdateGroup,
  report: Said,
  ctx: WriteContext,
): Exclude<CheckAnswer, { type: 'unknown-group' }> {
  const { uid } = group.metadata;
  const policy = policyOf(group);
  const kept = readInstance(txn, report.application, report.instance) ?? unknownInstance(uid);
  const before = readLedger(txn, uid);
  // An instance that changed groups takes nothing with it.
  if (kept.group !== uid) leave(txn, kept, report.instance, ctx);

  let outcome: Outcome = { record: kept.record, ledger: before };
  const told = (happening: Happening) => {
    outcome = fold(report.instance, happening, outcome, policy, ctx.now);
  };
  for (const happening of report.happenings) told(happening);
  if (arrived(outcome.record, report.version)) told({ type: 'complete' });

  const answer = report.asks ? ask(txn, group, policy, report, outcome.ledger, ctx.now) : undefined;
  if (answer?.type === 'update') outcome = { ...outcome, record: granted(outcome.record, answer.package, ctx.now) };
  const ledger = answer?.ledger ?? outcome.ledger;

  writeLedger(txn, uid, before, ledger, report.instance);
  if (outcome.record !== kept.record)
    writeInstance(txn, report.application, report.instance, { group: uid, record: outcome.record });
  if (ledger !== before) {
    tellStatus(txn, group.metadata.name, ctx);
    tellChanges(txn, group, before, ledger, report.instance, outcome.record, ctx);
  }
  if (answer?.type === 'update' && ledger !== before) forgetStale(txn, report.application, ctx.now);
  if (!answer) return { type: 'acknowledged', group };
  if (answer.type === 'hold') return { type: 'hold', group, reason: answer.reason };
  return { type: 'update', group, package: getResource(txn, 'UpdatePackage', '', answer.package.name)! };
}

function ask(txn: TxnView, group: UpdateGroup, policy: Policy, report: Said, ledger: Ledger, now: number): Answer {
  const { instance, version } = report;
  const labels = policy.rollout.type === 'waves' ? report.labels() : {};
  const channel = channelOf(txn, group, report.arch);
  const unready = () => unreadyPods(listResources(txn, 'Deployment'));
  const candidate = { instance, version, labels };
  return answerCheck({ policy, channel, ledger, candidate, unhealthy: unhealthy(txn, group, policy, now), unready }, now);
}

function unhealthy(txn: TxnView, group: UpdateGroup, { unhealthyFor }: Policy, now: number): string | undefined {
  const since = parseTime(group.status?.unhealthySince);
  if (unhealthyFor !== undefined && since !== undefined && now - since >= unhealthyFor)
    return 'more pods are missing than when the rollout began';
  return group.spec.policy?.whileHealthy ? unhealthyWorkload(txn) : undefined;
}

/** Events of what a check has changed. */
function tellChanges(
  txn: TxnView,
  group: UpdateGroup,
  before: Ledger,
  after: Ledger,
  instance: string,
  { package: update, errorCode }: InstanceRecord,
  ctx: WriteContext,
): void {
  const version = update?.version ?? '';
  if (grantOf(after, instance) && !grantOf(before, instance))
    tell(txn, group, normal('UpdateGranted', `${instance} is given ${version}`), ctx);
  if (after.completed > before.completed) tell(txn, group, normal('UpdateCompleted', `${instance} runs ${version}`), ctx);
  const late = before.underWay.filter((grant) => grant.instance !== instance && !grantOf(after, grant.instance));
  for (const grant of late)
    tell(txn, group, warning('UpdateTimedOut', `${grant.instance} did not finish ${grant.package.version} in time`), ctx);
  if (errorCode !== undefined && after.failed > before.failed + late.length)
    tell(txn, group, warning('UpdateFailed', `${instance} could not be updated to ${version}: error ${errorCode}`), ctx);
  if (after.halted && !before.halted)
    tell(txn, group, haltedBecause(after.halted.reason, `at ${version}, after ${instance} asked`), ctx);
}

function leave(txn: TxnView, kept: KeptInstance, instance: string, ctx: WriteContext): void {
  const ledger = readLedger(txn, kept.group);
  const left = without(ledger, instance);
  if (left === ledger) return;
  writeLedger(txn, kept.group, ledger, left, instance);
  tellStatusOf(txn, kept.group, ctx);
}
