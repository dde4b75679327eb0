import { type Mix, type MixClass, type MixHost, pick, random, type Weighted } from './mix.ts';

/**
 * Small clusters of several shapes, with work as users have it there: some dozen containers a host, a few replicas a class, some of it one a
 * host, even over zones or bound to a kind of disk. What a scheduler is good at on thousands of hosts of many sizes it may be bad at here.
 */

export interface Shape {
  readonly name: string;
  readonly hosts: number;
  /** How large each host is beside the others, in turn. */
  readonly sizes: readonly number[];
  /** MiB that the work wants for each core. */
  readonly memoryPerCore: Weighted<number>;
  /** As Kubernetes' users do: one a host by the label with the host's name, and a few containers bound to one host by it. */
  readonly namesHosts?: boolean;
}

const EVEN: Weighted<number> = [
  [1_024, 20],
  [2_048, 30],
  [4_096, 30],
  [8_192, 20],
];
const CPU_HEAVY: Weighted<number> = [
  [256, 30],
  [512, 40],
  [1_024, 20],
  [4_096, 10],
];
const MEMORY_HEAVY: Weighted<number> = [
  [2_048, 10],
  [6_144, 30],
  [8_192, 40],
  [16_384, 20],
];
/** MiB for each core that hosts have: what the even work asks for, about. */
const HOST_MEMORY_PER_CORE = 3_600;

export const SHAPES: readonly Shape[] = [
  { name: '10 equal', hosts: 10, sizes: [1], memoryPerCore: EVEN },
  { name: '10 equal, named', hosts: 10, sizes: [1], memoryPerCore: EVEN, namesHosts: true },
  { name: '50 equal', hosts: 50, sizes: [1], memoryPerCore: EVEN },
  { name: '50 equal, named', hosts: 50, sizes: [1], memoryPerCore: EVEN, namesHosts: true },
  { name: '50 of two sizes', hosts: 50, sizes: [1, 1, 4], memoryPerCore: EVEN },
  { name: '200 equal', hosts: 200, sizes: [1], memoryPerCore: EVEN },
  { name: '200 equal, named', hosts: 200, sizes: [1], memoryPerCore: EVEN, namesHosts: true },
  { name: '200 of two sizes', hosts: 200, sizes: [1, 1, 4], memoryPerCore: EVEN },
  { name: '200, cpu-heavy', hosts: 200, sizes: [1], memoryPerCore: CPU_HEAVY },
  { name: '200, memory-heavy', hosts: 200, sizes: [1], memoryPerCore: MEMORY_HEAVY },
];

/** Millicores. */
const CPU: Weighted<number> = [
  [100, 20],
  [250, 22],
  [500, 22],
  [1_000, 18],
  [2_000, 12],
  [4_000, 5],
  [8_000, 1],
];
const CONTAINERS_PER_HOST = 40;
const MOST_PODS = 250;

export function makeShape(shape: Shape, load: number, seed: number): Mix {
  const next = random(seed * 7_919 + shape.hosts);
  const classes = makeClasses(shape, next);
  const hosts = makeHosts(shape, classes, load);
  const arrivals = Int32Array.from(classes.flatMap(({ replicas }, index) => Array.from({ length: replicas }, () => index)));
  for (let last = arrivals.length - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    [arrivals[last], arrivals[other]] = [arrivals[other]!, arrivals[last]!];
  }
  return { hosts, classes, arrivals };
}

function makeClasses({ hosts, memoryPerCore, namesHosts = false }: Shape, next: () => number): MixClass[] {
  const classes: MixClass[] = [];
  for (let left = hosts * CONTAINERS_PER_HOST; left > 0; ) {
    const alone = next() < 0.25;
    const wanted = Math.ceil(2 / (1 - next() * 0.97) ** 0.8);
    const replicas = Math.min(left, wanted, alone ? Math.ceil(hosts / 2) : left);
    left -= replicas;
    const cpu = pick(CPU, next());
    const even = next() < 0.25;
    // Drawn in any case: the same work with and without.
    const [bound, host] = [next() < 0.03, Math.floor(next() * hosts)];
    const onHost = namesHosts && bound && !even ? host : undefined;
    classes.push({
      name: `class-${classes.length}`,
      replicas: onHost === undefined ? replicas : 1,
      cpu,
      memory: Math.max(32, Math.round((cpu / 1_000) * pick(memoryPerCore, next()))),
      gpus: 0,
      priority: 0,
      pieces: 1,
      toleratesReserved: false,
      alone,
      global: false,
      ...(even && { zoneSkew: 1 }),
      ...(onHost !== undefined && { onHost }),
      ...(bound || next() >= 0.1 ? {} : { disk: next() < 0.5 ? 'ssd' : 'hdd' }),
    });
  }
  return classes;
}

function makeHosts({ hosts, sizes, namesHosts = false }: Shape, classes: readonly MixClass[], load: number): MixHost[] {
  const wanted = (of: 'cpu' | 'memory') => classes.reduce((sum, each) => sum + each[of] * each.replicas, 0);
  const weight = Array.from({ length: hosts }, (_, index) => sizes[Math.floor(index / 3) % sizes.length]!);
  const all = weight.reduce((sum, each) => sum + each, 0);
  // Sized so that the scarcer of both is asked for to that load.
  const cpu = Math.max(wanted('cpu'), (wanted('memory') / HOST_MEMORY_PER_CORE) * 1_000) / load / all;
  return weight.map((each, index) => ({
    name: `host-${String(index).padStart(5, '0')}`,
    zone: `zone-${index % 3}`,
    // By pairs of threes: each zone has both.
    disk: Math.floor(index / 3) % 2 === 0 ? 'ssd' : 'hdd',
    cpu: Math.floor(cpu * each),
    memory: Math.floor((cpu * each * HOST_MEMORY_PER_CORE) / 1_000),
    gpus: 0,
    pods: MOST_PODS * each,
    reserved: false,
    named: namesHosts,
  }));
}
