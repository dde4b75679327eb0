import { CliError } from '../errors.ts';
import type { Invocation, ManagedInstance, Ssm } from './ssm.ts';

/** How enrolling one instance ended. */
export interface Enrolment {
  readonly instance: string;
  readonly state: 'joined' | 'failed';
  readonly problem?: string;
  /** What to do about it. */
  readonly fix?: string;
}

export interface EnrolDeps {
  readonly ssm: Ssm;
  /** A script that joins one host, with a token of its own, and how to take that back. */
  readonly joinScript: () => Promise<{ readonly script: string; readonly revoke: () => Promise<void> }>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  /** Told of each change: `i-0abc: running`. */
  readonly progress: (line: string) => Promise<void>;
  readonly comment: string;
  /** How long an instance may take from delivery to the end, seconds. */
  readonly timeoutSeconds: number;
}

/** Within SSM's limits (30 s to 48 h); a host that is online takes a command within seconds. */
const DELIVERY_SECONDS = 120;
const POLL_MS = { first: 1_000, max: 10_000 };
const AT_ONCE = 10;
/** Of what the script wrote. */
const LINES_SHOWN = 5;

/** Installs the agent on instances by SSM Run Command, several at once; one that fails doesn't hold the others up. */
export async function enrol(ids: readonly string[], deps: EnrolDeps): Promise<Enrolment[]> {
  const known = new Map((await deps.ssm.describe(ids)).map((instance) => [instance.id, instance]));
  const results = new Map<string, Enrolment>();
  const waiting = [...ids];
  const worker = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const result = await enrolOne(id, known.get(id), deps);
      results.set(id, result);
      await deps.progress(result.state === 'joined' ? `${id}: joined` : `${id}: failed: ${result.problem}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, worker));
  return ids.map((id) => results.get(id)!);
}

async function enrolOne(id: string, known: ManagedInstance | undefined, deps: EnrolDeps): Promise<Enrolment> {
  const failed = (problem: string, fix?: string): Enrolment => ({ instance: id, state: 'failed', problem, ...(fix && { fix }) });
  const unfit = unfitness(known, deps);
  if (unfit) return failed(...unfit);
  const { script, revoke } = await deps.joinScript();
  // What may not have been used nobody else shall use. It ends by itself, too.
  const takeBack = () => revoke().catch(() => {});
  try {
    const problem = await runScript(id, script, deps);
    if (problem === undefined) return { instance: id, state: 'joined' };
    await takeBack();
    return failed(...problem);
  } catch (error) {
    // Rights may differ from one instance to the next.
    await takeBack();
    if (error instanceof CliError) return failed(error.message, error.fix);
    throw error;
  }
}

/** Undefined: it went well; else what didn't, and what to do. */
async function runScript(id: string, script: string, deps: EnrolDeps): Promise<[string, string?] | undefined> {
  const commandId = await deps.ssm.run(id, script, {
    comment: deps.comment,
    deliverySeconds: DELIVERY_SECONDS,
    executionSeconds: deps.timeoutSeconds,
  });
  if (commandId === undefined) return ['SSM does not take commands for it (any more)', OFFLINE];
  await deps.progress(`${id}: sent`);
  const end = await follow(commandId, id, deps);
  if (end.state === 'succeeded') return undefined;
  const lines = end.output.split('\n').slice(-LINES_SHOWN).join('\n  ');
  return WHY[end.detail.replaceAll(' ', '')] ?? [`the install script ended with ${end.detail}${lines ? `:\n  ${lines}` : ''}`];
}

const OFFLINE = 'Start the instance and its SSM agent; AWS shows it as online in Fleet Manager when it is ready.';

function unfitness(instance: ManagedInstance | undefined, { ssm, now }: EnrolDeps): [string, string] | undefined {
  if (!instance)
    return [
      `SSM in ${ssm.region} does not know it`,
      'Check id, region (--region) and account; the instance needs the SSM agent and a role with AmazonSSMManagedInstanceCore.',
    ];
  if (instance.platform !== 'Linux') return [`it runs ${instance.platform}`, 'Hosts must run Linux.'];
  if (instance.online) return undefined;
  const seen =
    instance.lastSeen === undefined ? 'never seen' : `last seen ${Math.round((now() - instance.lastSeen) / 60_000)} min ago`;
  return [`it is offline (${seen})`, OFFLINE];
}

/** StatusDetails (https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html). */
const WHY: Readonly<Record<string, [string, string]>> = {
  Undeliverable: ['the command could not be delivered', OFFLINE],
  DeliveryTimedOut: ['the command was not taken in time', OFFLINE],
  ExecutionTimedOut: ['the install script took too long', 'Give it longer (--timeout), and look at the network of the instance.'],
  AccessDenied: ['SSM may not run the command there', 'The role that sends it needs ssm:SendCommand on this instance.'],
};

async function follow(commandId: string, id: string, deps: EnrolDeps): Promise<Invocation> {
  const limitMs = (DELIVERY_SECONDS + deps.timeoutSeconds + 60) * 1000;
  let shown = '';
  let wait = POLL_MS.first;
  for (let waited = 0; ; waited += wait, wait = Math.min(wait * 1.5, POLL_MS.max)) {
    const found = await deps.ssm.invocation(commandId, id);
    if (found?.state) return found;
    if (found && found.detail !== shown) {
      shown = found.detail;
      await deps.progress(`${id}: ${shown === 'InProgress' ? 'installing' : shown.toLowerCase()}`);
    }
    if (waited > limitMs) return { state: 'failed', detail: 'no end: SSM still says so after the time it had', output: '' };
    await deps.sleep(wait);
  }
}
