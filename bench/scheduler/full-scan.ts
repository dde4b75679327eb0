import type { Mix, MixClass, MixHost } from './mix.ts';

/**
 * The peers: schedulers that look at every host for every container. First-fit takes the first that may have it, best-fit the one that
 * is left with least. They share no code with ours and know the same constraints.
 */

export type Fit = 'first' | 'best';

class Host {
  readonly spec: MixHost;
  cpu: number;
  memory: number;
  gpus: number;
  pods: number;
  readonly classes = new Map<number, number>();
  readonly ports = new Set<number>();

  constructor(spec: MixHost) {
    this.spec = spec;
    ({ cpu: this.cpu, memory: this.memory, gpus: this.gpus, pods: this.pods } = spec);
  }
}

export interface FullScanResult {
  readonly hostOf: Int32Array;
  readonly globals: ReadonlyMap<number, readonly number[]>;
  readonly ms: number;
}

class FullScan {
  readonly #classes: readonly MixClass[];
  readonly #hosts: Host[];
  /** Class -> the classes that do not go with it, in either direction. */
  readonly #enemies: readonly (readonly number[])[];
  readonly #inZone: Map<string, number>[];
  readonly #maxCpu: number;
  readonly #maxMemory: number;

  constructor({ classes, hosts }: Mix) {
    this.#classes = classes;
    this.#hosts = hosts.map((host) => new Host(host));
    const enemies = classes.map((): number[] => []);
    for (const [index, { conflicts }] of classes.entries())
      if (conflicts !== undefined) {
        enemies[index]!.push(conflicts);
        enemies[conflicts]!.push(index);
      }
    this.#enemies = enemies;
    this.#inZone = classes.map(() => new Map());
    this.#maxCpu = hosts.reduce((most, { cpu }) => Math.max(most, cpu), 1);
    this.#maxMemory = hosts.reduce((most, { memory }) => Math.max(most, memory), 1);
  }

  /** Zones that count for the evenness of a class: those of hosts that its selector takes. */
  #zonesOf({ disk }: MixClass): Set<string> {
    return new Set(this.#hosts.filter(({ spec }) => !disk || spec.disk === disk).map(({ spec }) => spec.zone));
  }

  readonly #zones = new Map<number, Set<string>>();

  #leastZone(index: number): number {
    let zones = this.#zones.get(index);
    if (!zones) this.#zones.set(index, (zones = this.#zonesOf(this.#classes[index]!)));
    let least = Infinity;
    for (const zone of zones) least = Math.min(least, this.#inZone[index]!.get(zone) ?? 0);
    return least;
  }

  place(index: number, fit: Fit): number {
    const wanted = this.#classes[index]!;
    const enemies = this.#enemies[index]!;
    const least = wanted.zoneSkew === undefined ? 0 : this.#leastZone(index);
    const here = this.#inZone[index]!;
    const near = wanted.nearZone === undefined ? undefined : this.#inZone[wanted.nearZone]!;
    let best = -1;
    let bestLeft = Infinity;
    for (let at = 0; at < this.#hosts.length; at++) {
      const host = this.#hosts[at]!;
      if (host.cpu < wanted.cpu || host.memory < wanted.memory || host.gpus < wanted.gpus || host.pods < wanted.pieces) continue;
      const { spec } = host;
      if (spec.reserved && !wanted.toleratesReserved) continue;
      if (wanted.disk && spec.disk !== wanted.disk) continue;
      if (wanted.onHost !== undefined && wanted.onHost !== at) continue;
      if (wanted.alone && host.classes.has(index)) continue;
      if (wanted.hostPort !== undefined && host.ports.has(wanted.hostPort)) continue;
      if (enemies.some((enemy) => host.classes.has(enemy))) continue;
      if (wanted.zoneSkew !== undefined && (here.get(spec.zone) ?? 0) + 1 - least > wanted.zoneSkew) continue;
      if (near && (near.get(spec.zone) ?? 0) === 0) continue;
      if (wanted.nearHost !== undefined && !host.classes.has(wanted.nearHost)) continue;
      if (fit === 'first') {
        best = at;
        break;
      }
      const left = (host.cpu - wanted.cpu) / this.#maxCpu + (host.memory - wanted.memory) / this.#maxMemory;
      // A host that is preferred is better than any that is not.
      const score = left - (wanted.prefersDisk === spec.disk ? 10 : 0);
      if (score < bestLeft) [best, bestLeft] = [at, score];
    }
    if (best >= 0) this.put(index, best);
    return best;
  }

  put(index: number, at: number): void {
    const wanted = this.#classes[index]!;
    const host = this.#hosts[at]!;
    host.cpu -= wanted.cpu;
    host.memory -= wanted.memory;
    host.gpus -= wanted.gpus;
    host.pods -= wanted.pieces;
    host.classes.set(index, (host.classes.get(index) ?? 0) + 1);
    if (wanted.hostPort !== undefined) host.ports.add(wanted.hostPort);
    const zones = this.#inZone[index]!;
    zones.set(host.spec.zone, (zones.get(host.spec.zone) ?? 0) + 1);
  }

  placeGlobal(index: number): number[] {
    const wanted = this.#classes[index]!;
    const taken: number[] = [];
    for (const [at, host] of this.#hosts.entries()) {
      if (host.cpu < wanted.cpu || host.memory < wanted.memory) continue;
      if (host.spec.reserved && !wanted.toleratesReserved) continue;
      this.put(index, at);
      taken.push(at);
    }
    return taken;
  }
}

/**
 * Places the mix: global classes first, then in order of arrival, or (`decreasing`) the important and the large ones first. What needs
 * other work is tried once more at the end.
 */
export function fullScan(mix: Mix, fit: Fit, { decreasing = false } = {}): FullScanResult {
  const { arrivals, classes } = mix;
  const start = performance.now();
  const scan = new FullScan(mix);
  const globals = new Map<number, readonly number[]>();
  for (const [index, each] of classes.entries()) if (each.global) globals.set(index, scan.placeGlobal(index));
  const order = decreasing ? byImportance(mix) : Uint32Array.from(arrivals.keys());
  const hostOf = new Int32Array(arrivals.length).fill(-1);
  const waiting: number[] = [];
  for (let at = 0; at < order.length; at++) {
    const container = order[at]!;
    const index = arrivals[container]!;
    hostOf[container] = scan.place(index, fit);
    const { nearHost, nearZone } = classes[index]!;
    if (hostOf[container] < 0 && (nearHost !== undefined || nearZone !== undefined)) waiting.push(container);
  }
  for (const container of waiting) hostOf[container] = scan.place(arrivals[container]!, fit);
  return { hostOf, globals, ms: performance.now() - start };
}

function byImportance({ arrivals, classes }: Mix): Uint32Array {
  const cpu = classes.reduce((most, each) => Math.max(most, each.cpu), 1);
  const memory = classes.reduce((most, each) => Math.max(most, each.memory), 1);
  const size = classes.map((each) => Math.max(each.cpu / cpu, each.memory / memory));
  return Uint32Array.from(arrivals.keys()).sort((a, b) => {
    const [x, y] = [arrivals[a]!, arrivals[b]!];
    return classes[y]!.priority - classes[x]!.priority || size[y]! - size[x]! || x - y || a - b;
  });
}
