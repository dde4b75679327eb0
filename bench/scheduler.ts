import { explainRefusals } from '../core/scheduler/explain.ts';
import { refusalsOf } from '../core/scheduler/engine/refusals.ts';
import { check, type Placement, type Verdict } from './scheduler/check.ts';
import { fullScan } from './scheduler/full-scan.ts';
import { makeMix, type Mix, random } from './scheduler/mix.ts';
import { shapeTable } from './scheduler/shape-table.ts';
import { TerraneCluster } from './scheduler/terrane.ts';

/**
 * Placing containers, decisions only: our engine beside full-scan first-fit and best-fit over the same seeded mix in the same run, each
 * result looked at by a checker that knows none of them.
 *
 * `npm run bench -- scheduler [--containers=N] [--hosts=N] [--load=0.85] [--seed=N] [--quick] [--shapes]`. --quick is a tenth of everything, --shapes
 * only the table of small clusters.
 */

type Figures = Record<string, number>;

const quick = process.argv.includes('--quick');
const SIZE = {
  containers: option('containers', quick ? 100_000 : 1_000_000),
  hosts: option('hosts', quick ? 1_000 : 10_000),
  load: option('load', 0.85),
  seed: option('seed', 1),
};
/** Best-fit looks at every host for every container: at full size that takes minutes, and says no more about quality. */
const QUALITY = { containers: Math.min(SIZE.containers, 100_000), hosts: Math.min(SIZE.hosts, 1_000) };
/** The last one is more than there is room for. */
const LOADS = [0.6, 0.85, 0.95, 1.02];
const SEEDS = (quick ? [0] : [0, 1, 2]).map((more) => SIZE.seed + more);
const SHAPE_SEEDS = quick ? 2 : 6;
const TURNS = 5;
const SINGLES = 20_000;
const GROWTH = [
  [1_000, 100],
  [10_000, 100],
  [100_000, 1_000],
  [1_000_000, 10_000],
] as const;

function option(name: string, standard: number): number {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  if (!given) return standard;
  const value = Number(given.slice(name.length + 3));
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${given}: expected a number above 0, as in --${name}=${standard}`);
  return value;
}

export function run(): Promise<Figures> {
  return Promise.resolve(process.argv.includes('--shapes') ? shapeTable(SHAPE_SEEDS) : everything());
}

function everything(): Figures {
  const mix = makeMix({ ...SIZE, order: 'mixed' });
  console.log(
    `${SIZE.containers} containers in ${mix.classes.length} classes on ${SIZE.hosts} hosts, load ${SIZE.load}, seed ${SIZE.seed}\n`,
  );
  const { cluster, figures } = speed(mix);
  const all: Figures = {
    ...figures,
    ...singles(cluster),
    ...explaining(cluster),
    ...losses(mix),
    ...quality(),
    ...shapeTable(SHAPE_SEEDS),
    ...growth(),
  };
  console.log('');
  for (const name of HEADLINES) console.log(`${name.padEnd(42)} ${Number((all[name] ?? Number.NaN).toFixed(3))}`);
  return all;
}

/** What the scheduler promises, by the names of `--json`. */
const HEADLINES = [
  'placements_per_s',
  'speedup_vs_first_fit',
  'violations',
  'unplaced_ratio_vs_best_fit',
  'hosts_ratio_vs_best_fit',
  'stranded_cpu_ratio_vs_best_fit',
  'stranded_memory_ratio_vs_best_fit',
  'stranded_memory_at_tenth_ratio_vs_best_fit',
  'useless_ratio_vs_best_fit',
  'shapes_hosts_ratio_vs_best_fit',
  'shapes_unplaced_ratio_vs_best_fit',
  'shapes_stranded_sum_ratio_vs_best_fit',
];

/** The whole batch, from plain descriptions to the last placement: the best of a few turns, and the peer's only one. */
function speed(mix: Mix): { cluster: TerraneCluster; figures: Figures } {
  let cluster = new TerraneCluster(mix, 'pack');
  let { ms, buildMs } = cluster;
  for (let turn = 1; turn < TURNS; turn++) {
    cluster = new TerraneCluster(mix, 'pack');
    if (cluster.ms < ms) ({ ms, buildMs } = cluster);
  }
  const verdict = check(mix, cluster.placed());
  const count = mix.arrivals.length;
  const perSecond = (count / ms) * 1000;
  const peer = fullScan(mix, 'first');
  const peerPerSecond = (count / peer.ms) * 1000;
  const peerVerdict = check(mix, peer);
  console.log(`placements a second, decisions only
  terrane    ${whole(perSecond)}  ${whole(ms)} ms, ${buildMs.toFixed(0)} of them to read the descriptions (best of ${TURNS})
             ${told(verdict)}
  first-fit  ${whole(peerPerSecond)}  ${whole(peer.ms)} ms
             ${told(peerVerdict)}
  ratio      ${whole(perSecond / peerPerSecond)}
`);
  return {
    cluster,
    figures: {
      placements_per_s: perSecond,
      speedup_vs_first_fit: perSecond / peerPerSecond,
      violations: verdict.total,
      unplaced: verdict.unplaced,
    },
  };
}

/** One container at a time, into the full cluster: each is taken away and placed again. */
function singles({ placer, mix }: TerraneCluster): Figures {
  const next = random(SIZE.seed + 1);
  const piece = new Int32Array(1);
  const waits: number[] = [];
  for (let turn = 0; turn < SINGLES; turn++) {
    piece[0] = Math.floor(next() * mix.arrivals.length);
    if (placer.nodeOf[piece[0]]! < 0) continue;
    placer.remove(piece[0]);
    const start = performance.now();
    placer.place(piece, 0, 1);
    waits.push((performance.now() - start) * 1000);
  }
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(waits.length * share)] ?? 0;
  console.log(`a single placement   p50 ${at(0.5).toFixed(1)} us   p99 ${at(0.99).toFixed(1)} us\n`);
  return { single_p50_us: at(0.5), single_p99_us: at(0.99) };
}

/** What "why is it pending" costs: every host is asked, for the class that most hosts refuse. */
function explaining({ placer }: TerraneCluster): Figures {
  const { works } = placer.model;
  const narrow = works.reduce((a, b) => (b.resources.length > a.resources.length ? b : a));
  const start = performance.now();
  const refusals = refusalsOf(placer, narrow);
  const ms = performance.now() - start;
  console.log(`an explanation       ${ms.toFixed(1)} ms: ${explainRefusals(placer.nodeCount, refusals)}\n`);
  return { explanation_ms: ms };
}

/** Hosts die: only what was on them is placed again. */
function losses(mix: Mix): Figures {
  const figures: Figures = {};
  for (const percent of [1, 10]) {
    const cluster = new TerraneCluster(mix, 'pack');
    const before = cluster.placed().hostOf;
    const next = random(SIZE.seed + percent);
    const lost = new Set<number>();
    while (lost.size < (mix.hosts.length * percent) / 100) lost.add(Math.floor(next() * mix.hosts.length));
    const { displaced, ms } = cluster.lose([...lost]);
    const after = cluster.placed();
    let moved = 0;
    let onLost = 0;
    for (const [container, host] of after.hostOf.entries()) {
      if (host !== before[container] && host >= 0) moved++;
      if (lost.has(host)) onLost++;
    }
    const verdict = check(mix, after, { settled: false });
    const left = verdict.unplaced - [...before].filter((host) => host < 0).length;
    console.log(
      `${percent} % of hosts lost    ${displaced} displaced, ${moved} placed again, ${left} left without a place, ${moved + left - displaced} others moved, ${verdict.total + onLost} violations, ${ms.toFixed(0)} ms`,
    );
    Object.assign(figures, {
      [`loss_${percent}_displaced`]: displaced,
      [`loss_${percent}_moves`]: moved,
      [`loss_${percent}_ms`]: ms,
      [`loss_${percent}_violations`]: verdict.total + onLost,
    });
  }
  console.log('');
  return figures;
}

/** How well the room is used, beside full scans of the same work as it arrives, and with the large ones first. */
function quality(): Figures {
  const figures: Figures = {};
  console.log(`quality, ${QUALITY.containers} containers on ${QUALITY.hosts} hosts`);
  for (const load of LOADS)
    for (const seed of SEEDS) {
      const mix = makeMix({ ...QUALITY, load, seed, order: 'mixed' });
      console.log(`  load ${load}, seed ${seed}; ${leastHosts(mix)}`);
      const judge = (name: string, placement: Placement): Verdict => {
        const verdict = check(mix, placement);
        console.log(`    ${name.padEnd(22)} ${told(verdict)}`);
        return verdict;
      };
      const ours = judge('terrane', new TerraneCluster(mix, 'pack').placed());
      const best = judge('best-fit', fullScan(mix, 'best'));
      if (seed === SIZE.seed) {
        judge('first-fit', fullScan(mix, 'first'));
        judge('best-fit, large first', fullScan(mix, 'best', { decreasing: true }));
      }
      const compared = { violations: ours.total, ...beside(ours, best) };
      const name = `at_${Math.round(load * 100)}${seed === SIZE.seed ? '' : `_seed_${seed}`}`;
      for (const [key, value] of Object.entries(compared)) figures[`quality_${key}_${name}`] = value;
      // Of all loads and seeds the worst counts; of hosts, those where the same work is on them.
      for (const [key, value] of Object.entries(compared))
        if (key.endsWith('_ratio_vs_best_fit') && !(key.startsWith('hosts') && load > 1))
          figures[key] = Math.max(figures[key] ?? 0, value);
    }
  console.log('');
  return figures;
}

function beside(ours: Verdict, best: Verdict): Figures {
  const useless = ({ uselessCpu, uselessMemory }: Verdict) => uselessCpu + uselessMemory;
  const stranded = ({ strandedCpu, strandedMemory }: Verdict) => strandedCpu + strandedMemory;
  return {
    unplaced_ratio_vs_best_fit: (ours.unplaced + 1) / (best.unplaced + 1),
    hosts_ratio_vs_best_fit: ours.usedHosts / best.usedHosts,
    stranded_cpu_ratio_vs_best_fit: ours.strandedCpu / best.strandedCpu,
    stranded_memory_ratio_vs_best_fit: ours.strandedMemory / best.strandedMemory,
    stranded_memory_at_tenth_ratio_vs_best_fit: ours.strandedMemoryAtTenth / best.strandedMemoryAtTenth,
    useless_ratio_vs_best_fit: useless(ours) / useless(best),
    stranded_sum_ratio: stranded(ours) / stranded(best),
    stranded_cpu: ours.strandedCpu,
    stranded_cpu_best_fit: best.strandedCpu,
  };
}

function leastHosts(mix: Mix): string {
  const least = fluidBound(mix);
  return least > 0 ? `${least} hosts are the least that could do` : 'more than all hosts hold';
}

/** The fewest hosts, the largest first, whose cpu and memory together hold everything: nobody can do with fewer. 0 = not even all do. */
function fluidBound({ hosts, classes }: Mix): number {
  const wanted = (of: 'cpu' | 'memory') =>
    classes.reduce((sum, each) => sum + (each.global || each.gpus > 0 ? 0 : each[of] * each.replicas), 0);
  const needed = (of: 'cpu' | 'memory') => {
    let left = wanted(of);
    const sizes = hosts.filter(({ reserved }) => !reserved).map((host) => host[of]);
    sizes.sort((a, b) => b - a);
    return sizes.findIndex((size) => (left -= size) <= 0) + 1;
  };
  const [cpu, memory] = [needed('cpu'), needed('memory')];
  return cpu === 0 || memory === 0 ? 0 : Math.max(cpu, memory);
}

function growth(): Figures {
  const figures: Figures = {};
  console.log('growth: placements a second, best of three');
  for (const [containers, hosts] of GROWTH) {
    if (containers > SIZE.containers) continue;
    const mix = makeMix({ ...SIZE, containers, hosts, order: 'mixed' });
    const ms = Math.min(...Array.from({ length: 3 }, () => new TerraneCluster(mix, 'pack').ms));
    console.log(`  ${whole(containers)} on ${whole(hosts)}  ${whole((containers / ms) * 1000)}  ${ms.toFixed(0)} ms`);
    figures[`per_s_${containers}_on_${hosts}`] = (containers / ms) * 1000;
  }
  return figures;
}

function told(verdict: Verdict): string {
  const {
    total,
    violations,
    unplaced,
    usedHosts,
    strandedCpu,
    strandedMemory,
    strandedMemoryAtTenth,
    uselessCpu,
    uselessMemory,
    maxSkew,
  } = verdict;
  const kinds = total > 0 ? ` (${[...violations].map(([kind, count]) => `${count} ${kind}`).join(', ')})` : '';
  const shares = (cpu: number, memory: number) =>
    `cpu ${percent(cpu)} + memory ${percent(memory)} = ${((cpu + memory) * 100).toFixed(2)} %`;
  return `violations ${total}${kinds}, unplaced ${unplaced}, hosts in use ${usedHosts}, stranded on full hosts ${shares(strandedCpu, strandedMemory)} (memory at a tenth ${percent(strandedMemoryAtTenth)}), useless to the mix ${shares(uselessCpu, uselessMemory)}, greatest skew ${maxSkew}`;
}

const percent = (share: number) => (share * 100).toFixed(2);
const whole = (value: number) => value.toFixed(0).padStart(9);
