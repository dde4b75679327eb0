import { contentDigest } from '../controllers/digest.ts';
import type { ClusterState } from '../controllers/types.ts';
import { networkAssignedTo } from '../network/assigned-to.ts';
import { dnsSettingsOf } from '../network/dns/dns-settings.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { assignedUnits } from './assigned-units.ts';
import type { Assignment, AssignmentSettings } from './assignment.ts';
import { updatesOfNode } from '../updates/driven-hosts.ts';
import { assignedPoliciesOf } from './assigned-policies-of.ts';
import { assignedServicesOf, servicesDigest } from './assigned-services-of.ts';
import { referencesOf } from './pod-references.ts';

/**
 * What one host must know: its own pods and units (those on their way out too) and the ConfigMaps and Secrets that they name, if they
 * exist. undefined if there is no such node (yet). What the host itself reported is left out, or every report would change the assignment:
 * `node` and `pods` carry no status (of a pod that has ended: its phase, because it must not be started again) and the
 * resourceVersion ''.
 */
export function assignmentOf(
  state: Pick<ClusterState, 'revision' | 'get' | 'list' | 'podsOn' | 'unitsOn'>,
  clusterId: string,
  nodeName: string,
  { reportSeconds, pollSeconds, renewSeconds, fencedStopSeconds, fencedGraceSeconds }: AssignmentSettings,
): Assignment | undefined {
  const node = state.get('Node', '', nodeName);
  if (!node) return undefined;
  const pods = state.podsOn(nodeName);
  const network = networkAssignedTo(state, nodeName);
  const dns = dnsSettingsOf(state);
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const pod of pods) {
    const { namespace = '' } = pod.metadata;
    const references = referencesOf(pod.spec);
    for (const name of references.configMaps) configMaps.add(`${namespace}/${name}`);
    for (const name of references.secrets) secrets.add(`${namespace}/${name}`);
  }
  const updates = updatesOfNode(state.list('UpdateGroup'), node);
  const services = assignedServicesOf(state);
  const policies = assignedPoliciesOf(state, nodeName);
  const units = assignedUnits(state, nodeName);
  return {
    cluster: clusterId,
    node: bareNode(node),
    revision: state.revision,
    pods: pods.map(barePod),
    configMaps: found(configMaps, (namespace, name) => state.get('ConfigMap', namespace, name)),
    secrets: found(secrets, (namespace, name) => state.get('Secret', namespace, name)),
    ...(services.length > 0 && { services }),
    ...(policies && { policies }),
    ...(units.length > 0 && { units }),
    ...(network && { network }),
    ...(dns && { dns }),
    settings: { reportSeconds, pollSeconds, renewSeconds, fencedStopSeconds, fencedGraceSeconds },
    ...(updates.length > 0 && { updates }),
  };
}

/** A strong ETag of the content: commits that don't concern the host leave it as it is. */
export function assignmentETag(assignment: Assignment): string {
  const { revision: _, services, ...content } = assignment;
  return `"${contentDigest({ ...content, ...(services && { services: servicesDigest(services) }) })}"`;
}

function bareNode(node: Node): Node {
  const { status: _, ...rest } = node;
  return { ...rest, metadata: { ...node.metadata, resourceVersion: '' } };
}

function barePod({ status, ...pod }: Pod): Pod {
  const phase = status?.phase;
  const ended = phase === 'Succeeded' || phase === 'Failed' ? { status: { phase } } : {};
  return { ...pod, metadata: { ...pod.metadata, resourceVersion: '' }, ...ended };
}

function found<T>(names: ReadonlySet<string>, get: (namespace: string, name: string) => T | undefined): T[] {
  return [...names].sort().flatMap((path) => {
    const slash = path.indexOf('/');
    const object = get(path.slice(0, slash), path.slice(slash + 1));
    return object ? [object] : [];
  });
}
