import { CliError } from '../errors.ts';
import type { KubeClient } from './client.ts';

/** What is needed to address objects of a kind. */
export interface KindInfo {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
}

export function apiVersionOf({ group, version }: KindInfo): string {
  return group ? `${group}/${version}` : version;
}

const core = (kind: string, plural: string, namespaced: boolean, ...shortNames: string[]): KindInfo => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
  shortNames,
});
const apps = (kind: string, plural: string, ...shortNames: string[]): KindInfo => ({
  group: 'apps',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
  shortNames,
});

const terrane = (kind: string, plural: string, ...shortNames: string[]): KindInfo => ({
  group: 'terrane.dev',
  version: 'v1',
  kind,
  plural,
  namespaced: false,
  shortNames,
});

export const POD = core('Pod', 'pods', true, 'po');
export const NODE = core('Node', 'nodes', false, 'no');
export const EVENT = core('Event', 'events', true, 'ev');
export const NAMESPACE = core('Namespace', 'namespaces', false, 'ns');
export const DEPLOYMENT = apps('Deployment', 'deployments', 'deploy');
export const REPLICA_SET = apps('ReplicaSet', 'replicasets', 'rs');

export const UNIT = terrane('Unit', 'units');
export const NETWORK = terrane('Network', 'networks', 'net');

export const UPDATE_PACKAGE = terrane('UpdatePackage', 'updatepackages', 'upkg');
export const UPDATE_CHANNEL = terrane('UpdateChannel', 'updatechannels', 'uch');
export const UPDATE_GROUP = terrane('UpdateGroup', 'updategroups', 'ug');

/** Known without asking, which saves a round trip for what people name most. All others come from the server's discovery. */
const WELL_KNOWN: readonly KindInfo[] = [
  POD,
  NODE,
  EVENT,
  NAMESPACE,
  DEPLOYMENT,
  REPLICA_SET,
  core('Service', 'services', true, 'svc'),
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
    shortNames: [],
  },
  {
    group: 'networking.k8s.io',
    version: 'v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    namespaced: true,
    shortNames: ['netpol'],
  },
  core('ConfigMap', 'configmaps', true, 'cm'),
  core('Secret', 'secrets', true),
  {
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
    shortNames: ['pdb'],
  },
  {
    group: 'scheduling.k8s.io',
    version: 'v1',
    kind: 'PriorityClass',
    plural: 'priorityclasses',
    namespaced: false,
    shortNames: ['pc'],
  },
  UNIT,
  NETWORK,
  UPDATE_PACKAGE,
  UPDATE_CHANNEL,
  UPDATE_GROUP,
];

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
}

/** The kind that a person means by `pods`, `po`, `Pod` or `deployments.apps`. */
export async function kindByName(kube: KubeClient, name: string): Promise<KindInfo> {
  const known = WELL_KNOWN.find((kind) => answersTo(kind, name));
  if (known) return known;
  const served = await discover(kube);
  const found = served.find((kind) => answersTo(kind, name));
  if (found) return found;
  const names = [...new Set(served.map(({ plural }) => plural))].sort().join(', ');
  throw new CliError(`there is no kind ${name}`, { code: 'unknown_kind', fix: `This cluster has: ${names}` });
}

/** The kind of a manifest. */
export async function kindOfManifest(kube: KubeClient, apiVersion: string, kind: string): Promise<KindInfo | undefined> {
  const same = (info: KindInfo) => info.kind === kind && apiVersionOf(info) === apiVersion;
  return WELL_KNOWN.find(same) ?? (await discover(kube)).find(same);
}

/** Every kind that the cluster serves: /api/v1 and each group's preferred version. */
async function discover(kube: KubeClient): Promise<KindInfo[]> {
  const { groups } = await kube.json<{ groups: { preferredVersion: { groupVersion: string } }[] }>({ path: '/apis' });
  const versions = ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
  const kinds = await Promise.all(versions.map((groupVersion) => discoverVersion(kube, groupVersion)));
  return kinds.flat();
}

async function discoverVersion(kube: KubeClient, groupVersion: string): Promise<KindInfo[]> {
  const path = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
  const { resources } = await kube.json<{ resources: readonly ApiResource[] }>({ path });
  const [version, group = ''] = groupVersion.split('/').reverse() as [string, string?];
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, shortNames = [] }) => ({ group, version, kind, plural: name, namespaced, shortNames }));
}

function answersTo({ kind, plural, shortNames, group }: KindInfo, name: string): boolean {
  const wanted = name.toLowerCase();
  const names = [plural, kind.toLowerCase(), ...shortNames];
  return names.includes(wanted) || (group !== '' && names.some((own) => `${own}.${group}` === wanted));
}
