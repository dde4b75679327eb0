import { check, type Verdict } from './check.ts';
import { fullScan } from './full-scan.ts';
import { makeShape, type Shape, SHAPES } from './shapes.ts';
import { TerraneCluster } from './terrane.ts';

/** How well the room of small clusters is used, beside full-scan best-fit: for each shape and load the sums over some seeds. */

const LOADS = [0.5, 0.7, 0.85, 0.95, 1.02];

interface Sums {
  hosts: number;
  unplaced: number;
  /** Mean share of all hosts' cpu and memory, %. */
  cpu: number;
  memory: number;
  skew: number;
  violations: number;
}

/** Prints the table. Returns the worst of all shapes and loads, of each thing that is compared; of hosts, of the loads that fit. */
export function shapeTable(seeds: number): Record<string, number> {
  console.log(`shapes of small clusters, terrane / best-fit: sums over ${seeds} seeds, stranded in %`);
  console.log(row('shape', 'load', 'hosts in use', 'unplaced', 'stranded cpu', 'stranded memory', 'skew'));
  const worst = { hosts: 0, unplaced: 0, stranded: 0, skew: 0, violations: 0 };
  for (const shape of SHAPES)
    for (const load of LOADS) {
      const [ours, best] = compare(shape, load, seeds);
      const pair = (of: keyof Sums, digits = 0) => `${ours[of].toFixed(digits)} / ${best[of].toFixed(digits)}`;
      console.log(
        row(shape.name, String(load), pair('hosts'), pair('unplaced'), pair('cpu', 2), pair('memory', 2), pair('skew')),
      );
      if (load <= 1) worst.hosts = Math.max(worst.hosts, ours.hosts / best.hosts);
      worst.unplaced = Math.max(worst.unplaced, (ours.unplaced + 1) / (best.unplaced + 1));
      worst.stranded = Math.max(worst.stranded, (ours.cpu + ours.memory) / (best.cpu + best.memory));
      worst.skew = Math.max(worst.skew, ours.skew);
      worst.violations += ours.violations;
    }
  console.log('');
  return {
    shapes_violations: worst.violations,
    shapes_skew: worst.skew,
    shapes_hosts_ratio_vs_best_fit: worst.hosts,
    shapes_unplaced_ratio_vs_best_fit: worst.unplaced,
    shapes_stranded_sum_ratio_vs_best_fit: worst.stranded,
  };
}

const WIDTHS = [18, 5, 13, 12, 13, 16, 6];

function row(...cells: readonly string[]): string {
  return `  ${cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at]!) : cell.padStart(WIDTHS[at]!))).join('  ')}`;
}

function compare(shape: Shape, load: number, seeds: number): [ours: Sums, best: Sums] {
  const ours = noSums();
  const best = noSums();
  for (let seed = 1; seed <= seeds; seed++) {
    const mix = makeShape(shape, load, seed);
    add(ours, check(mix, new TerraneCluster(mix, 'pack').placed()), seeds);
    add(best, check(mix, fullScan(mix, 'best')), seeds);
  }
  return [ours, best];
}

const noSums = (): Sums => ({ hosts: 0, unplaced: 0, cpu: 0, memory: 0, skew: 0, violations: 0 });

function add(sums: Sums, { usedHosts, unplaced, strandedCpu, strandedMemory, maxSkew, total }: Verdict, seeds: number): void {
  sums.hosts += usedHosts;
  sums.unplaced += unplaced;
  sums.cpu += (strandedCpu * 100) / seeds;
  sums.memory += (strandedMemory * 100) / seeds;
  sums.skew = Math.max(sums.skew, maxSkew);
  sums.violations += total;
}
