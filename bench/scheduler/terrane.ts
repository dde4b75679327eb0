import { Batch } from '../../core/scheduler/engine/batch.ts';
import { placementOrder } from '../../core/scheduler/engine/order.ts';
import { Placer } from '../../core/scheduler/engine/placer.ts';
import {
  HOST,
  type NodeFilter,
  type SchedulingNode,
  type Strategy,
  type Term,
  type Work,
} from '../../core/scheduler/engine/work.ts';
import type { Mix, MixClass, MixHost } from './mix.ts';

/** The mix in the words of our scheduler, and a run of it. */

const ZONE = 'topology.kubernetes.io/zone';
const HOSTNAME = 'kubernetes.io/hostname';

const disk = (value: string): NodeFilter => ({
  labels: ['disk'],
  readsName: false,
  accepts: ({ labels }) => labels['disk'] === value,
});

const onHost = (name: string): NodeFilter => ({
  labels: [HOSTNAME],
  readsName: false,
  accepts: ({ labels }) => labels[HOSTNAME] === name,
});

const classTerm = (name: string, topologyKey: string): Term => ({
  key: name,
  topologyKey,
  matches: ({ labels }) => labels['app'] === name,
  label: { key: 'app', value: name },
});

function asNode({ name, zone, disk: kind, cpu, memory, gpus, pods, reserved, named = false }: MixHost): SchedulingNode {
  return {
    name,
    labels: { [ZONE]: zone, disk: kind, ...(named && { [HOSTNAME]: name }) },
    taints: reserved ? [{ key: 'reserved', value: 'gpu', effect: 'NoSchedule' }] : [],
    room: new Map([
      ['cpu', cpu],
      ['memory', memory * 2 ** 20],
      ['gpu', gpus],
      ['pods', pods],
    ]),
  };
}

function asWork(given: MixClass, { classes, hosts }: Mix): Work {
  const { name, cpu, memory, gpus, pieces } = given;
  const host = hosts[0]?.named ? HOSTNAME : HOST;
  const near = (other: number | undefined, topologyKey: string) =>
    other === undefined ? [] : [classTerm(classes[other]!.name, topologyKey)];
  const work: Work = {
    namespace: 'bench',
    name,
    labels: { app: name },
    requests: new Map([
      ['cpu', cpu],
      ['memory', memory * 2 ** 20],
      ['gpu', gpus],
    ]),
    ports: given.hostPort === undefined ? [] : [{ ip: '0.0.0.0', protocol: 'TCP', port: given.hostPort }],
    tolerations: given.toleratesReserved ? [{ key: 'reserved', operator: 'Exists' }] : [],
    ...(given.disk && { filter: disk(given.disk) }),
    ...(given.onHost !== undefined && { filter: onHost(hosts[given.onHost]!.name) }),
    preferences: given.prefersDisk ? [{ weight: 10, filter: disk(given.prefersDisk) }] : [],
    needs: [...near(given.nearZone, ZONE), ...near(given.nearHost, host)],
    avoids: [...(given.alone ? [classTerm(name, host)] : []), ...near(given.conflicts, host)],
    replaces: [],
    likes: [],
    spread:
      given.zoneSkew === undefined
        ? []
        : [
            {
              term: classTerm(name, ZONE),
              maxSkew: given.zoneSkew,
              required: true,
              minDomains: 1,
              honourFilter: true,
              honourTaints: false,
            },
          ],
    priority: given.priority,
    global: given.global,
    preempts: false,
  };
  return pieces === 1 ? work : { ...work, parts: Array.from({ length: pieces }, () => work) };
}

export interface Placed {
  /** Container (as in the mix's arrivals) -> host; -1 = nowhere. */
  readonly hostOf: Int32Array;
  /** Global class -> hosts that have it. */
  readonly globals: ReadonlyMap<number, readonly number[]>;
  readonly ms: number;
}

/** A cluster that has taken the mix, and can go on: lose hosts, take single containers. */
export class TerraneCluster {
  readonly placer: Placer;
  readonly mix: Mix;
  readonly ms: number;
  readonly buildMs: number;
  /** Pieces of the global classes come after the containers. */
  readonly #globals: readonly (readonly [index: number, from: number])[];

  constructor(mix: Mix, strategy: Strategy) {
    this.mix = mix;
    const { hosts, classes, arrivals } = mix;
    const nodes = hosts.map(asNode);
    const works = classes.map((each) => asWork(each, mix));
    const global = [...classes.entries()].filter(([, each]) => each.global);
    const workOf = new Int32Array(arrivals.length + global.length * hosts.length);
    workOf.set(arrivals);
    this.#globals = global.map(([index], at) => [index, arrivals.length + at * hosts.length] as const);
    for (const [index, from] of this.#globals) workOf.fill(index, from, from + hosts.length);
    const start = performance.now();
    this.placer = new Placer({ nodes, works, workOf, strategy });
    this.buildMs = performance.now() - start;
    for (const [, from] of this.#globals) for (let host = 0; host < hosts.length; host++) this.placer.placeOn(from + host, host);
    this.#placeBatch(this.#order());
    this.ms = performance.now() - start;
  }

  /** The hosts are gone; what was on them is placed again, in the same order as all of it was. */
  lose(hosts: readonly number[]): { displaced: number; ms: number } {
    const start = performance.now();
    const pieces: number[] = [];
    for (const host of hosts)
      for (const piece of this.placer.loseNode(host)) if (piece < this.mix.arrivals.length) pieces.push(piece);
    const rank = placementOrder(this.placer);
    const { workOf } = this.placer;
    this.#placeBatch(Int32Array.from(pieces).sort((a, b) => rank[workOf[a]!]! - rank[workOf[b]!]! || a - b));
    return { displaced: pieces.length, ms: performance.now() - start };
  }

  /** As the engine wants them placed; in a class as they came. */
  #order(): Int32Array {
    const { classes, arrivals } = this.mix;
    const starts = new Int32Array(classes.length + 1);
    const rank = placementOrder(this.placer);
    for (const index of arrivals) starts[rank[index]! + 1]!++;
    for (let at = 0; at < classes.length; at++) starts[at + 1]! += starts[at]!;
    const pieces = new Int32Array(arrivals.length);
    for (let piece = 0; piece < arrivals.length; piece++) pieces[starts[rank[arrivals[piece]!]!]!++] = piece;
    return pieces;
  }

  #placeBatch(pieces: Int32Array): void {
    const movable = new Uint8Array(this.placer.workOf.length);
    for (const piece of pieces) movable[piece] = 1;
    const batch = new Batch(this.placer, movable);
    batch.place(pieces);
    batch.finish(pieces);
  }

  placed(): Placed {
    const { nodeOf } = this.placer;
    const globals = new Map<number, number[]>();
    for (const [index, from] of this.#globals)
      globals.set(
        index,
        [...this.mix.hosts.keys()].filter((host) => nodeOf[from + host]! >= 0),
      );
    return { hostOf: nodeOf.slice(0, this.mix.arrivals.length), globals, ms: this.ms };
  }
}
