import { type CompiledWork, CPU, MEMORY, type Penalty } from './compiled.ts';
import type { Placer } from './placer.ts';

/** What makes one node that takes a piece better than another. Less is better, everywhere. */

/** How much an uneven rest (much cpu without memory, or the other way: nobody can use it) counts against a place, beside the rest itself. */
const UNEVEN = 12;

/** What on the node itself counts against it. */
export function penaltyOf({ penaltiesHere, leaning }: CompiledWork, node: number): number {
  return sumAt(penaltiesHere, node) + (leaning === undefined ? 0 : leaning[node]!);
}

/** What in its zones counts against it: the same for all nodes of a class. */
export function widePenaltyOf({ penaltiesWide }: CompiledWork, node: number): number {
  return sumAt(penaltiesWide, node);
}

function sumAt(penalties: readonly Penalty[], node: number): number {
  let sum = 0;
  for (let at = 0; at < penalties.length; at++) {
    const { tally, weight, once } = penalties[at]!;
    const count = tally.at(node);
    sum += weight * (once && count > 1 ? 1 : count);
  }
  return sum;
}

/** How well it fits. Packed: what is left of the node. Spread: the share of the node that is taken. */
export function scoreOf({ free, width, model, strategy }: Placer, { cpu, memory }: CompiledWork, node: number): number {
  const base = node * width;
  const cpuLeft = free[base + CPU]! - cpu;
  const memoryLeft = free[base + MEMORY]! - memory;
  if (strategy === 'pack') return waste(model.cpu.share(cpuLeft), model.memory.share(memoryLeft));
  return taken(cpuLeft, model.room[base + CPU]!) + taken(memoryLeft, model.room[base + MEMORY]!);
}

/** Of what is left, as shares of the largest node. */
export function waste(cpu: number, memory: number): number {
  return cpu + memory + UNEVEN * Math.abs(cpu - memory);
}

function taken(left: number, room: number): number {
  return room > 0 ? 1 - left / room : 1;
}
