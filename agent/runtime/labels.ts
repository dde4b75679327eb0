import type { ContainerDetails } from '../docker/types.ts';
import type { ContainerKind, ObservedContainer } from '../planner/observed.ts';

/**
 * How the agent knows its containers again, after its own restart or another's: labels on them. A container without them, or
 * with another owner's, is none of our business.
 */
const LABEL = {
  /** `<cluster>/<host id>`: two agents on one engine don't touch each other's. */
  owner: 'terrane.dev/owner',
  podUid: 'terrane.dev/pod-uid',
  podNamespace: 'terrane.dev/pod-namespace',
  podName: 'terrane.dev/pod-name',
  container: 'terrane.dev/container',
  kind: 'terrane.dev/container-kind',
  attempt: 'terrane.dev/attempt',
  specHash: 'terrane.dev/spec-hash',
  sandbox: 'terrane.dev/sandbox',
  graceSeconds: 'terrane.dev/grace-seconds',
} as const;

export interface ContainerIdentity {
  readonly podUid: string;
  readonly namespace: string;
  readonly podName: string;
  readonly container: string;
  readonly kind: ContainerKind;
  readonly attempt: number;
  readonly specHash: string;
  readonly sandbox: string | undefined;
  readonly graceSeconds: number;
}

export function ownerLabel(owner: string): string {
  return `${LABEL.owner}=${owner}`;
}

export function labelsOf(owner: string, identity: ContainerIdentity): Record<string, string> {
  return {
    [LABEL.owner]: owner,
    [LABEL.podUid]: identity.podUid,
    [LABEL.podNamespace]: identity.namespace,
    [LABEL.podName]: identity.podName,
    [LABEL.container]: identity.container,
    [LABEL.kind]: identity.kind,
    [LABEL.attempt]: String(identity.attempt),
    [LABEL.specHash]: identity.specHash,
    [LABEL.graceSeconds]: String(identity.graceSeconds),
    ...(identity.sandbox === undefined ? {} : { [LABEL.sandbox]: identity.sandbox }),
  };
}

/** Unique on the engine for each attempt, so that a start can't happen twice even if the agent forgot the first. */
export function containerName(
  identity: Pick<ContainerIdentity, 'podUid' | 'namespace' | 'podName' | 'container' | 'attempt'>,
): string {
  return ['terrane', identity.container, identity.podName, identity.namespace, identity.podUid, identity.attempt].join('_');
}

/** The container as the planner sees it; undefined if its labels aren't whole or it isn't `owner`'s. */
export function observedFrom(details: ContainerDetails, owner: string): ObservedContainer | undefined {
  const labels = details.Config.Labels ?? {};
  const podUid = labels[LABEL.podUid];
  const container = labels[LABEL.container];
  const kind = labels[LABEL.kind];
  const attempt = Number(labels[LABEL.attempt]);
  if (labels[LABEL.owner] !== owner || !podUid || !container || !isKind(kind) || !Number.isInteger(attempt)) return undefined;
  const { State } = details;
  const ip = Object.values(details.NetworkSettings?.Networks ?? {})[0]?.IPAddress || details.NetworkSettings?.IPAddress;
  return {
    id: details.Id,
    podUid,
    namespace: labels[LABEL.podNamespace] ?? '',
    podName: labels[LABEL.podName] ?? '',
    container,
    kind,
    attempt,
    specHash: labels[LABEL.specHash] ?? '',
    sandbox: labels[LABEL.sandbox],
    graceSeconds: Number(labels[LABEL.graceSeconds]) || 0,
    state: State.Status === 'created' ? 'created' : State.Running ? 'running' : 'exited',
    exitCode: State.ExitCode,
    oomKilled: State.OOMKilled,
    error: State.Error,
    startedAt: timeOf(State.StartedAt),
    finishedAt: timeOf(State.FinishedAt),
    ip: ip || undefined,
    imageId: details.Image,
    image: details.Config.Image,
    tty: details.Config.Tty ?? false,
  };
}

function isKind(kind: string | undefined): kind is ContainerKind {
  return kind === 'init' || kind === 'main' || kind === 'pause';
}

/** Docker's zero time means never. */
function timeOf(text: string): number | undefined {
  const at = Date.parse(text);
  return at > 0 ? at : undefined;
}
