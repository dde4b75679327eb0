import type { PullCredentials } from '../images/credentials-for.ts';
import type { AssignedNetwork } from '../network/assigned-network.ts';
import type { DnsSettings } from '../network/dns/dns-settings.ts';
import type { ConfigMap } from '../resources/schema/config-map.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Secret } from '../resources/schema/secret.ts';
import type { AssignedUpdate } from '../updates/driven-hosts.ts';
import type { AssignedPolicies } from './assigned-policies.ts';
import type { AssignedService } from './assigned-services.ts';
import type { AssignedUnit } from './assigned-unit.ts';

/**
 * Everything one host must know, and nothing else: GET /node/v1/assignment (ETag, If-None-Match).
 * A pod with metadata.deletionTimestamp is to be stopped gracefully and then reported `gone`.
 */
export interface Assignment {
  readonly cluster: string;
  readonly node: Node;
  /** The registry revision it was computed at. Only a higher one is applied. */
  readonly revision: number;
  readonly pods: readonly Pod[];
  /** Only those that the pods refer to. */
  readonly configMaps: readonly ConfigMap[];
  readonly secrets: readonly Secret[];
  /** For images of the organisation's own registry, if the pods have any. New ones come long before these expire. */
  readonly registries?: readonly PullCredentials[];
  /** Every Service of the cluster, if it has any. */
  readonly services?: readonly AssignedService[];
  /** What NetworkPolicies forbid its pods, if any of them is for one. */
  readonly policies?: AssignedPolicies;
  /** systemd units, if there are any. */
  readonly units?: readonly AssignedUnit[];
  /** Its part in the pods' network, if the cluster has one. */
  readonly network?: AssignedNetwork;
  /** What the cluster's owner chose of names, if anything. */
  readonly dns?: DnsSettings;
  readonly settings: AssignmentSettings;
  /** What this host's agent keeps up to date; absent: nothing. */
  readonly updates?: readonly AssignedUpdate[];
}

/** Header of the answers to it, 304 too: the registry's revision as of which they hold. */
export const REVISION_HEADER = 'terrane-revision';

export interface AssignmentSettings {
  /** How often to report when nothing changed, seconds; +-20 % jitter. For hosts with a push connection and nothing fenced. */
  readonly reportSeconds: number;
  /** How often all other hosts report, which renews their lease, seconds. */
  readonly renewSeconds: number;
  /** So long after the last report that was answered fenced work is stopped, seconds. */
  readonly fencedStopSeconds: number;
  /** What it then has for stopping, seconds. */
  readonly fencedGraceSeconds: number;
  /** How often to poll the assignment (hints come in between), seconds; +-20 % jitter. */
  readonly pollSeconds: number;
}

/** Before the first assignment says otherwise, and for what one from before a setting existed doesn't say. */
export const FIRST_SETTINGS: AssignmentSettings = {
  reportSeconds: 300,
  pollSeconds: 300,
  renewSeconds: 20,
  fencedStopSeconds: 40,
  fencedGraceSeconds: 10,
};
