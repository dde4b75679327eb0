import { type KindDefinition, kinds } from '../../../core/resources/kinds/index.ts';
import { mediaRanges } from './accept.ts';

/** Which groups, versions and kinds there are: what clients read first. */

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

const REVIEWS: readonly ApiResource[] = ['SelfSubjectAccessReview', 'SelfSubjectRulesReview'].map((kind) => ({
  name: `${kind.toLowerCase()}s`,
  singularName: kind.toLowerCase(),
  namespaced: false,
  kind,
  verbs: ['create'],
}));

/** The core group first, then by name. */
export const groupVersions: readonly GroupVersion[] = [
  ...new Map(
    [...kinds.map(({ group, version }) => ({ group, version })), { group: 'authorization.k8s.io', version: 'v1' }].map((gv) => [
      textOf(gv),
      gv,
    ]),
  ).values(),
].sort((a, b) => (a.group < b.group ? -1 : 1));

export function textOf({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`;
}

function resourcesOf({ group, version }: GroupVersion): ApiResource[] {
  const own = kinds.filter((definition) => definition.group === group && definition.version === version);
  return [...own.flatMap(resourcesOfKind), ...(group === 'authorization.k8s.io' ? REVIEWS : [])];
}

function resourcesOfKind(definition: KindDefinition): ApiResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = definition;
  const main: ApiResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: VERBS,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
  return [
    main,
    ...definition.subresources.map((name) => ({
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      ...subresource(name, kind),
    })),
  ];
}

function subresource(
  name: KindDefinition['subresources'][number],
  kind: string,
): Pick<ApiResource, 'kind' | 'verbs' | 'group' | 'version'> {
  if (name === 'scale') return { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] };
  if (name === 'eviction') return { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] };
  if (name === 'log' || name === 'diagnosis' || name === 'journal') return { kind, verbs: ['get'] };
  return { kind, verbs: name === 'exec' ? ['create'] : ['get', 'patch', 'update'] };
}

/** GET /api */
export function apiVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** GET /apis */
export function apiGroupList(): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupVersions.filter(({ group }) => group !== '').map(groupOf) };
}

/** GET /apis/<group>. Undefined: no such group. */
export function apiGroup(name: string): object | undefined {
  const found = groupVersions.find(({ group }) => group !== '' && group === name);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(found) };
}

function groupOf(gv: GroupVersion) {
  const version = { groupVersion: textOf(gv), version: gv.version };
  return { name: gv.group, versions: [version], preferredVersion: version };
}

/** GET /api/v1, /apis/<group>/<version>. Undefined: no such version. */
export function apiResourceList(group: string, version: string): object | undefined {
  const found = groupVersions.find((gv) => gv.group === group && gv.version === version);
  return found && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: textOf(found), resources: resourcesOf(found) };
}

const AGGREGATED = ['v2', 'v2beta1'];

/** The version of aggregated discovery that the client wants first, if it wants it before plain JSON. */
export function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, parameters } of mediaRanges(accept)) {
    if (type !== 'application/json' && type !== '*/*') continue;
    if (parameters.as === undefined) return undefined;
    if (
      parameters.as === 'APIGroupDiscoveryList' &&
      parameters.g === 'apidiscovery.k8s.io' &&
      AGGREGATED.includes(parameters.v ?? '')
    )
      return parameters.v;
  }
  return undefined;
}

/** Everything below /api (core) or /apis in one answer (apidiscovery.k8s.io). */
export function aggregated(core: boolean, version: string): object {
  const items = groupVersions
    .filter(({ group }) => (group === '') === core)
    .map((gv) => ({
      metadata: { name: gv.group, creationTimestamp: null },
      versions: [{ version: gv.version, resources: aggregatedResources(gv), freshness: 'Current' }],
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
}

function aggregatedResources(gv: GroupVersion): object[] {
  const all = resourcesOf(gv);
  const kindOf = ({ group = gv.group, version = gv.version, kind }: ApiResource) => ({ group, version, kind });
  return all
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const parts = all.filter(({ name }) => name.startsWith(`${resource.name}/`));
      return {
        resource: resource.name,
        responseKind: kindOf(resource),
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName,
        verbs: resource.verbs,
        ...(resource.shortNames && { shortNames: resource.shortNames }),
        ...(resource.categories && { categories: resource.categories }),
        ...(parts.length > 0 && {
          subresources: parts.map((part) => ({
            subresource: part.name.split('/')[1],
            responseKind: kindOf(part),
            verbs: part.verbs,
          })),
        }),
      };
    });
}
