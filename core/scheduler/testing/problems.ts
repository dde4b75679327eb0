import fc from 'fast-check';
import { HOST, type NodeFilter, type SchedulingNode, type Spread, type Term, type Work } from '../engine/work.ts';

/** Small clusters and work with everything that placing heeds, close together, so that constraints meet. */

const label = (key: string, value: string): NodeFilter => ({
  labels: key === 'name' ? [] : [key],
  readsName: key === 'name',
  accepts: (node) => (key === 'name' ? node.name : node.labels[key]) === value,
});

const filters: fc.Arbitrary<NodeFilter> = fc.constantFrom(
  label('disk', 'ssd'),
  label('disk', 'hdd'),
  label('zone', 'z1'),
  label('rack', 'r0'),
  label('name', 'n1'),
);

const teams = fc.constantFrom('red', 'blue', 'green');
const term = fc.record({ team: teams, topologyKey: fc.constantFrom(HOST, 'zone', 'rack') }).map(
  ({ team, topologyKey }): Term => ({
    key: team,
    topologyKey,
    matches: ({ labels }) => labels['team'] === team,
    label: { key: 'team', value: team },
  }),
);

const spread: fc.Arbitrary<Spread> = fc.record({
  term,
  maxSkew: fc.integer({ min: 1, max: 2 }),
  required: fc.constantFrom(true, true, false),
  minDomains: fc.constantFrom(1, 1, 3),
  honourFilter: fc.boolean(),
  honourTaints: fc.boolean(),
});

const some = <T>(arbitrary: fc.Arbitrary<T>, most = 1) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<T[]>([]) },
    { weight: 1, arbitrary: fc.array(arbitrary, { minLength: 1, maxLength: most }) },
  );

const work: fc.Arbitrary<Omit<Work, 'name'>> = fc.record(
  {
    namespace: fc.constant('default'),
    labels: teams.map((team) => ({ team })),
    requests: fc
      .record({
        cpu: fc.constantFrom(0, 250, 1_000, 3_000),
        memory: fc.constantFrom(0, 64, 512, 2_048),
        disk: fc.constantFrom(0, 0, 0, 5),
      })
      .map((amounts) => new Map(Object.entries(amounts))),
    ports: some(
      fc.record({
        ip: fc.constantFrom('0.0.0.0', '10.0.0.1', '10.0.0.2'),
        protocol: fc.constantFrom('TCP', 'UDP'),
        port: fc.constantFrom(80, 443),
      }),
    ),
    tolerations: fc.constantFrom([], [], [{ key: 'gpu', operator: 'Exists' as const }]),
    filter: filters,
    preferences: some(fc.record({ weight: fc.integer({ min: 1, max: 100 }), filter: filters })),
    needs: some(term),
    avoids: some(term),
    replaces: fc.constant([]),
    likes: some(fc.record({ weight: fc.integer({ min: -100, max: 100 }), term })),
    spread: some(spread, 2),
    priority: fc.constantFrom(0, 0, 10),
    preempts: fc.constant(true),
    owner: fc.constantFrom('a', 'b'),
  },
  {
    requiredKeys: [
      'namespace',
      'labels',
      'requests',
      'ports',
      'tolerations',
      'preferences',
      'needs',
      'avoids',
      'replaces',
      'likes',
      'spread',
      'priority',
      'preempts',
    ],
  },
);

const node: fc.Arbitrary<Omit<SchedulingNode, 'name'>> = fc.record(
  {
    labels: fc.record(
      { disk: fc.constantFrom('ssd', 'hdd'), zone: fc.constantFrom('z1', 'z2'), rack: fc.constantFrom('r0', 'r1', 'r2') },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Record<string, string>>,
    taints: fc.constantFrom(
      [],
      [],
      [],
      [{ key: 'gpu', effect: 'NoSchedule' as const }],
      [{ key: 'old', effect: 'PreferNoSchedule' as const }],
    ),
    room: fc
      .record({
        cpu: fc.constantFrom(500, 2_000, 4_000, 9_000),
        memory: fc.constantFrom(256, 1_024, 4_096),
        pods: fc.constantFrom(1, 3, 110),
        disk: fc.constantFrom(0, 10),
      })
      .map((amounts) => new Map(Object.entries(amounts))),
    closed: fc.constant('node(s) were not ready'),
  },
  { requiredKeys: ['labels', 'taints', 'room'] },
);

export interface GeneratedProblem {
  readonly nodes: readonly SchedulingNode[];
  readonly works: readonly Work[];
  /** Piece -> class; pieces of one class lie together. */
  readonly workOf: Int32Array;
}

export const problems: fc.Arbitrary<GeneratedProblem> = fc
  .record({
    nodes: fc.array(fc.tuple(node, fc.nat(9)), { maxLength: 8 }),
    works: fc.array(fc.tuple(work, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 6 }),
  })
  .map(({ nodes, works }) => ({
    nodes: nodes.map(([{ closed, ...given }, luck], index) => ({
      ...given,
      name: `n${index}`,
      ...(closed && luck === 0 && { closed }),
    })),
    works: works.map(([given], index) => ({ ...given, name: `w${index}` })),
    workOf: Int32Array.from(works.flatMap(([, count], index) => Array.from({ length: count }, () => index))),
  }));

/** More than a label may have that says which kind of node it is. */
const MANY = 65;

/** The same, where a rack is a label of nodes and no longer one of classes of them: there are closed nodes in many more racks. */
export const inManyRacks = (problem: GeneratedProblem): GeneratedProblem => ({
  ...problem,
  nodes: [
    ...problem.nodes,
    ...Array.from({ length: MANY }, (_, index) => ({
      name: `x${index}`,
      labels: { rack: `x${index}` },
      taints: [],
      closed: 'node(s) were not ready',
      room: new Map(),
    })),
  ],
});
