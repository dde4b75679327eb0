import fc from 'fast-check';
import { node, pod } from '../../../test/support/builders.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { LabelSelector } from '../../resources/schema/meta.ts';
import type { NodeSelectorTerm, Pod, PodSpec } from '../../resources/schema/pod.ts';
import { type Cluster, mayRun } from './kubernetes-rules.ts';

/** Small clusters of Nodes and Pods with all that Kubernetes lets them ask for, close together, so that rules meet. */

const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

const rarely = <T>(arbitrary: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

/** Without what is undefined. */
const defined = <T extends object>(given: T) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const apps = fc.constantFrom('a', 'b', 'c');
/** Beyond what a double holds exactly, and names that every object has. */
const serials = fc.constantFrom('', '5', '-3', '9007199254740993', 'constructor', '__proto__');

const nodes: fc.Arbitrary<Node[]> = fc
  .array(
    fc.record({
      zone: fc.constantFrom('z0', 'z1', 'z2', undefined),
      disk: fc.constantFrom('ssd', 'hdd', undefined),
      serial: rarely(serials),
      cpu: fc.constantFrom('500m', '1', '2', '4'),
      memory: fc.constantFrom('64Mi', '256Mi', '1Gi'),
      pods: fc.constantFrom('1', '2', '5', '110'),
      gpu: rarely(fc.constant('2')),
      taint: rarely(
        fc.record({
          key: fc.constantFrom('gpu', 'team'),
          effect: fc.constantFrom('NoSchedule' as const, 'NoExecute' as const, 'PreferNoSchedule' as const),
        }),
      ),
      state: fc.constantFrom('ready', 'ready', 'ready', 'ready', 'down', 'cordoned'),
      named: fc.constantFrom(true, true, true, false),
    }),
    { maxLength: 6 },
  )
  .map((all) =>
    all.map(({ zone, disk, serial, cpu, memory, pods, gpu, taint, state, named }, at) => {
      const made = node(`n${at}`, {
        labels: defined({ [ZONE]: zone, disk, serial, [HOSTNAME]: named ? `n${at}` : undefined }),
        taints: taint ? [taint] : [],
        ready: state === 'down' ? 'False' : 'True',
        unschedulable: state === 'cordoned',
      });
      return { ...made, status: { ...made.status, allocatable: defined({ cpu, memory, pods, 'example.com/gpu': gpu }) } };
    }),
  );

type LabelExpression = NonNullable<LabelSelector['matchExpressions']>[number];
type NodeExpression = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

const selectors: fc.Arbitrary<LabelSelector> = fc
  .record({
    app: fc.option(apps, { nil: undefined }),
    expression: rarely(
      fc.constantFrom<LabelExpression>(
        { key: 'version', operator: 'In', values: ['1'] },
        { key: 'version', operator: 'NotIn', values: ['1'] },
        { key: 'version', operator: 'Exists' },
        { key: 'app', operator: 'DoesNotExist' },
      ),
    ),
  })
  .map(({ app, expression }) => ({
    ...(app && { matchLabels: { app } }),
    ...(expression && { matchExpressions: [expression] }),
  }));

const keys = fc.constantFrom(HOSTNAME, ZONE, 'disk');

const podTerms = fc.array(
  fc
    .record({
      labelSelector: selectors,
      topologyKey: keys,
      namespaces: rarely(fc.constantFrom<string[]>(['prod'], ['default', 'prod'])),
      namespaceSelector: rarely(fc.constantFrom<LabelSelector>({}, { matchLabels: { env: 'prod' } })),
    })
    .map(defined),
  { minLength: 1, maxLength: 2 },
);

const nodeTerms: fc.Arbitrary<NodeSelectorTerm[]> = fc.array(
  fc
    .record({
      matchExpressions: fc.option(
        fc.array(
          fc.oneof(
            fc.constantFrom<NodeExpression>(
              { key: 'disk', operator: 'In', values: ['ssd'] },
              { key: 'disk', operator: 'NotIn', values: ['ssd'] },
              { key: 'serial', operator: 'Exists' },
              { key: 'constructor', operator: 'DoesNotExist' },
              { key: HOSTNAME, operator: 'In', values: ['n0', 'n1'] },
              { key: 'serial', operator: 'Gt', values: ['9007199254740992'] },
              { key: 'serial', operator: 'Lt', values: ['5'] },
            ),
            serials.map((value): NodeExpression => ({ key: 'serial', operator: 'In', values: [value] })),
          ),
          { minLength: 1, maxLength: 2 },
        ),
        { nil: undefined },
      ),
      matchFields: rarely(fc.constant<NodeExpression[]>([{ key: 'metadata.name', operator: 'In', values: ['n1'] }])),
    })
    .map(defined),
  { minLength: 1, maxLength: 2 },
);

const spreads: fc.Arbitrary<NonNullable<PodSpec['topologySpreadConstraints']>> = fc.array(
  fc
    .record({
      maxSkew: fc.constantFrom(1, 2),
      topologyKey: keys,
      whenUnsatisfiable: fc.constant('DoNotSchedule' as const),
      labelSelector: selectors,
      minDomains: rarely(fc.constantFrom(2, 4)),
      nodeAffinityPolicy: rarely(fc.constantFrom('Ignore' as const, 'Honor' as const)),
      nodeTaintsPolicy: rarely(fc.constantFrom('Ignore' as const, 'Honor' as const)),
      matchLabelKeys: rarely(fc.constant<string[]>(['version'])),
    })
    .map(defined),
  { minLength: 1, maxLength: 2 },
);

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/** What a Deployment, say, makes pods of. */
const templates = fc.record({
  namespace: fc.constantFrom('default', 'prod'),
  labels: fc.record({ app: apps, version: fc.constantFrom('1', '2', undefined) }).map(defined),
  owner: fc.constantFrom('rs-1', 'rs-2', undefined),
  requests: fc
    .record({
      cpu: fc.constantFrom('0', '250m', '1', '2'),
      memory: fc.constantFrom('0', '64Mi', '200Mi'),
      'example.com/gpu': rarely(fc.constant('1')),
    })
    .map(defined),
  init: rarely(fc.constantFrom('1', '3')),
  port: rarely(
    fc.record({
      containerPort: fc.constant(80),
      hostPort: fc.constantFrom(0, 80, 443),
      hostIP: fc.constantFrom('10.0.0.1', '10.0.0.2', '0.0.0.0'),
      protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    }),
  ),
  tolerations: rarely(
    fc.constantFrom<NonNullable<PodSpec['tolerations']>>(
      [{ operator: 'Exists' }],
      [{ key: 'gpu', operator: 'Exists' }],
      [{ key: 'team' }],
    ),
  ),
  nodeSelector: rarely(fc.constantFrom<Record<string, string>>({ disk: 'ssd' }, { [HOSTNAME]: 'n2' }, { serial: '' })),
  wants: rarely(nodeTerms),
  near: rarely(podTerms),
  away: rarely(podTerms, 2),
  even: rarely(spreads, 2),
  priority: fc.constantFrom(0, 0, 10, 100, -5),
});

type Template = typeof templates extends fc.Arbitrary<infer T> ? T : never;

function podOf(name: string, template: Template): Pod {
  const { namespace, labels, owner, requests, init, port, tolerations, nodeSelector, wants, near, away, even, priority } =
    template;
  const affinity = defined({
    nodeAffinity: wants && { [REQUIRED]: { nodeSelectorTerms: wants } },
    podAffinity: near && { [REQUIRED]: near },
    podAntiAffinity: away && { [REQUIRED]: away },
  }) as NonNullable<PodSpec['affinity']>;
  return pod(name, {
    namespace,
    labels,
    ...(owner && { owner }),
    spec: {
      containers: [{ name: 'app', image: 'app', resources: { requests }, ...(port && { ports: [port] }) }],
      ...(init && { initContainers: [{ name: 'init', image: 'app', resources: { limits: { cpu: init } } }] }),
      ...(tolerations && { tolerations }),
      ...(nodeSelector && { nodeSelector }),
      ...(even && { topologySpreadConstraints: even }),
      affinity,
      priority,
    },
  });
}

/** A cluster in which all that runs may run where it is, and pods that wait. */
export const clusters: fc.Arbitrary<Cluster & { readonly pending: readonly Pod[] }> = fc
  .record({
    nodes,
    templates: fc.array(templates, { minLength: 1, maxLength: 4 }),
    running: fc.array(fc.record({ template: fc.nat(), node: fc.nat(), ending: fc.nat(9) }), { maxLength: 12 }),
    waiting: fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
  })
  .map(({ nodes: all, templates: given, running, waiting }) => {
    const namespaces = new Map<string, Record<string, string>>([
      ['default', {}],
      ['prod', { env: 'prod' }],
    ]);
    const bound: Pod[] = [];
    for (const [at, { template, node: luck, ending }] of running.entries()) {
      const made = podOf(`r${at}`, given[template % given.length]!);
      const able = all.filter((each) => mayRun(made, each, { nodes: all, bound, namespaces }));
      if (able.length === 0) continue;
      const { spec, metadata } = made;
      bound.push({
        ...made,
        metadata: { ...metadata, ...(ending === 0 && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
        spec: { ...spec, nodeName: able[luck % able.length]!.metadata.name },
      });
    }
    const pending = waiting.map((template, at) => podOf(`w${at}`, given[template % given.length]!));
    return { nodes: all, namespaces, bound, pending };
  });
