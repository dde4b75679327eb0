/**
 * A seeded workload for schedulers, as plain data: hosts in three zones, and classes of equal containers with everything that a
 * scheduler has to heed. The shapes are those that production traces show: most containers are small, a few are large; most classes
 * have few replicas, a few have thousands; memory for each core varies sixteenfold; a few need a device that few hosts have.
 */

export interface MixHost {
  readonly name: string;
  readonly zone: string;
  readonly disk: 'ssd' | 'hdd';
  /** Millicores, MiB, pieces. */
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
  readonly pods: number;
  /** Only for those who tolerate it. */
  readonly reserved: boolean;
  /** It has a label with its name, by which work says "one a host". */
  readonly named?: boolean;
}

export interface MixClass {
  readonly name: string;
  readonly replicas: number;
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
  readonly priority: number;
  /** How many pieces go together as one (fleet's MachineOf); cpu and memory are their sum. */
  readonly pieces: number;
  readonly disk?: 'ssd' | 'hdd';
  readonly prefersDisk?: 'ssd' | 'hdd';
  readonly toleratesReserved: boolean;
  /** One a host. */
  readonly alone: boolean;
  /** Even over the zones, by at most so many. */
  readonly zoneSkew?: number;
  readonly hostPort?: number;
  /** Never on a host with this class. */
  readonly conflicts?: number;
  /** Only in a zone, or on a host, with this class. */
  readonly nearZone?: number;
  readonly nearHost?: number;
  /** Only on this host. */
  readonly onHost?: number;
  /** One on every host that takes it, before all others. `replicas` is the number of hosts then. */
  readonly global: boolean;
}

export interface Mix {
  readonly hosts: readonly MixHost[];
  readonly classes: readonly MixClass[];
  /** Container -> class, in the order of arrival. */
  readonly arrivals: Int32Array;
}

/** Mulberry32: a small generator whose sequence is the same everywhere. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Weighted<T> = readonly (readonly [value: T, weight: number])[];

/** Millicores. */
const CPU: Weighted<number> = [
  [100, 18],
  [250, 20],
  [500, 22],
  [1_000, 17],
  [2_000, 11],
  [4_000, 7],
  [6_000, 2],
  [8_000, 2],
  [16_000, 1],
];
/** MiB for each core. */
const MEMORY_PER_CORE: Weighted<number> = [
  [512, 8],
  [1_024, 14],
  [2_048, 30],
  [4_096, 30],
  [6_144, 8],
  [8_192, 10],
];
/** Cores, GiB, GPUs. */
const SHAPES: Weighted<readonly [cores: number, gib: number, gpus: number]> = [
  [[32, 128, 0], 30],
  [[64, 256, 0], 35],
  [[96, 384, 0], 20],
  [[128, 768, 0], 10],
  [[96, 512, 8], 5],
];
const POD_LIMIT = 800;

export function pick<T>(weighted: Weighted<T>, share: number): T {
  const total = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  let left = share * total;
  for (const [value, weight] of weighted) if ((left -= weight) < 0) return value;
  return weighted.at(-1)![0];
}

export interface MixOptions {
  readonly containers: number;
  readonly hosts: number;
  /** How much of the scarcer of cpu and memory is asked for: 0.85 is a well-used cluster. */
  readonly load: number;
  readonly seed: number;
  /** `mixed`: as users come. `deploys`: class after class. */
  readonly order: 'mixed' | 'deploys';
}

export function makeMix({ containers, hosts: hostCount, load, seed, order }: MixOptions): Mix {
  const next = random(seed);
  const classes = makeClasses(containers, hostCount, next);
  const hosts = makeHosts(classes, hostCount, load, next);
  const arrivals = new Int32Array(classes.reduce((sum, { replicas, global }) => sum + (global ? 0 : replicas), 0));
  let at = 0;
  for (const [index, { replicas, global }] of classes.entries())
    if (!global) for (let replica = 0; replica < replicas; replica++) arrivals[at++] = index;
  if (order === 'mixed')
    for (let last = arrivals.length - 1; last > 0; last--) {
      const other = Math.floor(next() * (last + 1));
      [arrivals[last], arrivals[other]] = [arrivals[other]!, arrivals[last]!];
    }
  return { hosts, classes, arrivals };
}

function makeClasses(containers: number, hostCount: number, next: () => number): MixClass[] {
  const classes: MixClass[] = [];
  const add = (given: Partial<MixClass> & Pick<MixClass, 'replicas' | 'cpu' | 'memory'>) =>
    classes.push({
      name: `class-${classes.length}`,
      gpus: 0,
      priority: 0,
      pieces: 1,
      toleratesReserved: false,
      alone: false,
      global: false,
      ...given,
    });
  add({ replicas: hostCount, cpu: 100, memory: 128, priority: 1_000, toleratesReserved: true, global: true });
  const mostAlone = Math.max(2, Math.floor(hostCount / 8));
  let left = containers;
  // Hosts with devices are one in twenty, with eight each; some of them are too small for the work beside them.
  let gpusLeft = Math.floor(hostCount * 0.05 * 8 * 0.6);
  while (left > 0) {
    // Classes have 1 to a few thousand replicas: half of all containers are in the largest tenth of them.
    const size = Math.ceil((containers / 2_000) * 0.15 * (1 / (1 - next() * 0.985)) ** 0.9);
    const cpu = pick(CPU, next());
    const memory = Math.max(32, Math.round((cpu / 1_000) * pick(MEMORY_PER_CORE, next())));
    const gpus = next() < 0.02 && size < hostCount / 16 && size <= gpusLeft ? 1 : 0;
    gpusLeft -= gpus * size;
    const grouped = next() < 0.03;
    const alone = next() < 0.2;
    const port = !alone && next() < 0.04;
    const limited = alone || port ? Math.min(size, mostAlone) : size;
    const replicas = Math.min(left, limited);
    left -= replicas;
    const others = classes.length - 1;
    const other = 1 + Math.floor(next() * others);
    const relation = next();
    const even = gpus === 0 && next() < 0.3;
    const wideOther = others > 0 && !classes[other]!.disk && classes[other]!.gpus === 0 ? other : undefined;
    add({
      replicas,
      cpu: cpu * (grouped ? 2 : 1),
      memory: memory * (grouped ? 2 : 1),
      gpus,
      pieces: grouped ? 2 : 1,
      priority: pick(
        [
          [0, 70],
          [100, 25],
          [500, 5],
        ],
        next(),
      ),
      toleratesReserved: gpus > 0,
      alone,
      ...(gpus === 0 && next() < 0.15 && replicas < containers / 200 && { disk: next() < 0.6 ? 'ssd' : 'hdd' }),
      ...(next() < 0.05 && { prefersDisk: 'ssd' }),
      ...(even && { zoneSkew: 1 }),
      ...(port && { hostPort: 8_000 + Math.floor(next() * 200) }),
      ...(relation < 0.02 && others > 0 && replicas < mostAlone && classes[other]!.replicas < mostAlone && { conflicts: other }),
      ...(relation > 0.02 && relation < 0.05 && !even && wideOther !== undefined && { nearZone: wideOther }),
      ...(relation > 0.05 &&
        relation < 0.055 &&
        wideOther !== undefined &&
        !even &&
        !alone &&
        !port &&
        gpus === 0 &&
        replicas < 20 && { nearHost: wideOther }),
    });
  }
  return classes;
}

function makeHosts(classes: readonly MixClass[], hostCount: number, load: number, next: () => number): MixHost[] {
  const shapes = Array.from({ length: hostCount }, () => pick(SHAPES, next()));
  // Reserved hosts are left out on both sides: they are there for their devices.
  const wanted = (of: 'cpu' | 'memory') => classes.reduce((sum, each) => sum + (each.gpus > 0 ? 0 : each[of] * each.replicas), 0);
  const open = shapes.filter(([, , gpus]) => gpus === 0);
  const cores = open.reduce((sum, [each]) => sum + each, 0) * 1_000;
  const mebibytes = open.reduce((sum, [, each]) => sum + each, 0) * 1_024;
  // Hosts are sized so that the work is `load` of them, whatever the numbers of both.
  const factor = Math.max(wanted('cpu') / cores, wanted('memory') / mebibytes) / load;
  return shapes.map(([core, gib, gpus], index) => ({
    name: `host-${String(index).padStart(5, '0')}`,
    zone: `zone-${index % 3}`,
    disk: next() < 0.5 ? 'ssd' : 'hdd',
    cpu: Math.floor(core * 1_000 * factor),
    memory: Math.floor(gib * 1_024 * factor),
    gpus,
    pods: POD_LIMIT,
    reserved: gpus > 0,
  }));
}
