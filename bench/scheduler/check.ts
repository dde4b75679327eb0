import type { Mix, MixClass, MixHost } from './mix.ts';

/**
 * Looks at a finished placement and counts what it breaks. Written from the mix's own words: it knows neither our scheduler nor its peers.
 */
export interface Placement {
  /** Container -> host; -1 = nowhere. */
  readonly hostOf: Int32Array;
  readonly globals: ReadonlyMap<number, readonly number[]>;
}

export interface Verdict {
  readonly violations: ReadonlyMap<string, number>;
  readonly total: number;
  readonly unplaced: number;
  readonly usedHosts: number;
  /**
   * Share of all open hosts' cpu that is free on hosts without memory, and of their memory that is free on hosts without cpu. An empty host
   * strands nothing by this.
   */
  readonly strandedCpu: number;
  readonly strandedMemory: number;
  /** The latter, if a host is without cpu that has less than a tenth of it: nothing may hang on where the line is drawn. */
  readonly strandedMemoryAtTenth: number;
  /**
   * The same for the mix of all work: what a host has left of one beyond what it has left of the other, if work goes on to come in the mix's
   * proportion of both. Full or empty, each host counts alike, and none has to be full to the last crumb.
   */
  readonly uselessCpu: number;
  readonly uselessMemory: number;
  /** Of the classes that are to be even, the greatest difference of two zones. */
  readonly maxSkew: number;
}

/** A host with less than this share left of one resource has none of it for most work. */
const USED_UP = 0.02;

/** `settled` false: after hosts were lost. What stayed may be uneven then, or have lost what it was near to: nobody moves it for that. */
export function check(mix: Mix, { hostOf, globals }: Placement, { settled = true } = {}): Verdict {
  const { hosts, classes, arrivals } = mix;
  const violations = new Map<string, number>();
  const wrong = (what: string, times = 1) => void (times > 0 && violations.set(what, (violations.get(what) ?? 0) + times));
  const on = hosts.map(() => new Map<number, number>());
  const zones = classes.map(() => new Map<string, number>());
  const put = (index: number, host: number) => {
    on[host]!.set(index, (on[host]!.get(index) ?? 0) + 1);
    zones[index]!.set(hosts[host]!.zone, (zones[index]!.get(hosts[host]!.zone) ?? 0) + 1);
  };
  let unplaced = 0;
  for (const [container, host] of hostOf.entries()) {
    if (host < 0) unplaced++;
    else put(arrivals[container]!, host);
  }
  wrong('not answered', arrivals.length - hostOf.length);
  for (const [index, placed] of globals) for (const host of placed) put(index, host);
  let usedHosts = 0;
  const open = { cpu: 0, memory: 0, strandedCpu: 0, strandedMemory: 0, atTenth: 0, uselessCpu: 0, uselessMemory: 0 };
  const perCore = memoryPerCpu(mix);
  for (const [at, host] of hosts.entries()) {
    const here = on[at]!;
    const sum = (of: 'cpu' | 'memory' | 'gpus' | 'pieces') =>
      [...here].reduce((all, [index, count]) => all + classes[index]![of] * count, 0);
    const cpu = host.cpu - sum('cpu');
    const memory = host.memory - sum('memory');
    if (cpu < 0) wrong('cpu overcommitted');
    if (memory < 0) wrong('memory overcommitted');
    if (sum('gpus') > host.gpus) wrong('gpus overcommitted');
    if (sum('pieces') > host.pods) wrong('too many pods');
    if ([...here.keys()].some((index) => !classes[index]!.global)) usedHosts++;
    if (!host.reserved) {
      open.cpu += host.cpu;
      open.memory += host.memory;
      if (memory < USED_UP * host.memory) open.strandedCpu += cpu;
      if (cpu < USED_UP * host.cpu) open.strandedMemory += memory;
      if (cpu < host.cpu / 10) open.atTenth += memory;
      open.uselessCpu += Math.max(0, cpu - memory / perCore);
      open.uselessMemory += Math.max(0, memory - cpu * perCore);
    }
    const ports = new Map<number, number>();
    for (const [index, count] of here) {
      const each = classes[index]!;
      if (each.disk && each.disk !== host.disk) wrong('selector ignored', count);
      if (each.onHost !== undefined && each.onHost !== at) wrong('not on its host', count);
      if (host.reserved && !each.toleratesReserved) wrong('taint ignored', count);
      if (each.alone || each.global) wrong('not alone on its host', count - 1);
      if (each.conflicts !== undefined && here.has(each.conflicts)) wrong('beside what it conflicts with');
      if (settled && each.nearHost !== undefined && !here.has(each.nearHost)) wrong('not near what it needs (host)', count);
      if (settled && each.nearZone !== undefined && !zones[each.nearZone]!.has(host.zone))
        wrong('not near what it needs (zone)', count);
      if (each.hostPort !== undefined) ports.set(each.hostPort, (ports.get(each.hostPort) ?? 0) + count);
    }
    for (const count of ports.values()) wrong('port used twice', count - 1);
  }
  // A host that is lost has none.
  if (settled)
    for (const [index, each] of classes.entries())
      if (each.global) wrong('not on every host', hosts.filter((host, at) => takes(host, each) && !on[at]!.has(index)).length);
  let maxSkew = 0;
  for (const [index, each] of classes.entries()) {
    if (each.zoneSkew === undefined) continue;
    const eligible = new Set(hosts.filter((host) => !each.disk || host.disk === each.disk).map(({ zone }) => zone));
    const counts = [...eligible].map((zone) => zones[index]!.get(zone) ?? 0);
    const skew = Math.max(...counts) - Math.min(...counts);
    maxSkew = Math.max(maxSkew, skew);
    if (settled && skew > each.zoneSkew) wrong('uneven over the zones');
  }
  return {
    violations,
    total: [...violations.values()].reduce((sum, count) => sum + count, 0),
    unplaced,
    usedHosts,
    strandedCpu: open.strandedCpu / open.cpu,
    strandedMemory: open.strandedMemory / open.memory,
    strandedMemoryAtTenth: open.atTenth / open.memory,
    uselessCpu: open.uselessCpu / open.cpu,
    uselessMemory: open.uselessMemory / open.memory,
    maxSkew,
  };
}

const takes = (host: MixHost, { disk, toleratesReserved }: MixClass) =>
  (!host.reserved || toleratesReserved) && (!disk || host.disk === disk);

/** MiB for each millicore that all work wants which may go to open hosts. */
function memoryPerCpu({ classes }: Mix): number {
  const wanted = (of: 'cpu' | 'memory') => classes.reduce((sum, each) => sum + (each.gpus > 0 ? 0 : each[of] * each.replicas), 0);
  return wanted('memory') / wanted('cpu');
}
