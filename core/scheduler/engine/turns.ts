import type { CompiledWork } from './compiled.ts';
import type { Placer } from './placer.ts';
import type { Tally } from './tally.ts';

/** Puts pieces, in the order of placing, where they fit. */
export type PlaceRuns = (pieces: Int32Array) => number;

/**
 * Large work is placed before small, because that fills nodes best. If not all of a batch fits, the small would be left without a place
 * however long they have waited. So among equally important work the newest is taken off again, as much of it as the older needs that
 * waits, and tried after that. Stays as it was if no more are placed in the end. A lower number of a piece means that it is older.
 */
export class Turns {
  readonly #placer: Placer;
  readonly #movable: Uint8Array;
  readonly #placeRuns: PlaceRuns;
  /** Work class -> 1 if rules of others count such work: taking it off could break them. */
  readonly #counted: Uint8Array;

  /** `movable`: piece -> 1 if it belongs to the batch and may be moved within it. */
  constructor(placer: Placer, movable: Uint8Array, placeRuns: PlaceRuns) {
    this.#placer = placer;
    this.#movable = movable;
    this.#placeRuns = placeRuns;
    const { works } = placer.model;
    const tallies = new Set<Tally>();
    for (const { needsHere, needsWide, spreadHere, spreadWide } of works)
      for (const list of [needsHere, needsWide, spreadHere, spreadWide]) for (const { tally } of list) tallies.add(tally);
    this.#counted = Uint8Array.from(works, ({ adds }) => (adds.some(({ tally }) => tallies.has(tally)) ? 1 : 0));
  }

  /** `pieces` in the order of placing. Returns by how many more are placed. */
  take(pieces: Int32Array): number {
    let more = 0;
    for (let from = 0; from < pieces.length; ) {
      let to = from + 1;
      while (to < pieces.length && this.#priority(pieces[to]!) === this.#priority(pieces[from]!)) to++;
      more += this.#takeAmong(pieces.subarray(from, to));
      from = to;
    }
    return more;
  }

  #takeAmong(pieces: Int32Array): number {
    const { nodeOf } = this.#placer;
    const unplaced = pieces.filter((piece) => nodeOf[piece]! < 0);
    if (unplaced.length === 0) return 0;
    const old = this.#older(unplaced, pieces);
    if (!old) return 0;
    const { first, giveWay } = old;
    const homes = giveWay.map((piece) => nodeOf[piece]!);
    const isFirst = new Set(first);
    for (const piece of giveWay) this.#placer.remove(piece);
    const again = pieces.filter((piece) => nodeOf[piece]! < 0 && !isFirst.has(piece));
    const placed = this.#placeRuns(pieces.filter((piece) => isFirst.has(piece))) + this.#placeRuns(again);
    if (placed > giveWay.length) return placed - giveWay.length;
    for (const piece of first) if (nodeOf[piece]! >= 0) this.#placer.remove(piece);
    for (const piece of again) if (nodeOf[piece]! >= 0) this.#placer.remove(piece);
    for (const [at, piece] of giveWay.entries()) this.#placer.put(piece, homes[at]!);
    return 0;
  }

  /** The older that wait for room, as many as newer ones have room for; undefined if there are none. */
  #older(unplaced: Int32Array, pieces: Int32Array): { first: Int32Array; giveWay: Int32Array } | undefined {
    const { nodeOf, model } = this.#placer;
    const waits = new Map<number, boolean>();
    const waitsForRoom = (index: number) => {
      if (!waits.has(index)) waits.set(index, this.#waitsForRoom(model.works[index]!));
      return waits.get(index)!;
    };
    const newest = pieces.filter(
      (piece) => nodeOf[piece]! >= 0 && this.#movable[piece] === 1 && this.#counted[this.#class(piece)] === 0,
    );
    // As whenever all that fits runs already: whoever waits is looked at often, over all nodes and for each class.
    if (newest.length === 0) return undefined;
    newest.sort().reverse();
    const waiting = unplaced.filter((piece) => waitsForRoom(this.#class(piece))).sort();
    let [cpu, memory, going, coming] = [0, 0, 0, 0];
    for (; coming < waiting.length; coming++) {
      const piece = waiting[coming]!;
      const work = model.works[this.#class(piece)]!;
      cpu -= model.cpu.share(work.cpu);
      memory -= model.memory.share(work.memory);
      while ((cpu < 0 || memory < 0) && going < newest.length && newest[going]! > piece) {
        const other = model.works[this.#class(newest[going]!)]!;
        cpu += model.cpu.share(other.cpu);
        memory += model.memory.share(other.memory);
        going++;
      }
      if (cpu < 0 || memory < 0) break;
    }
    return coming === 0 ? undefined : { first: waiting.subarray(0, coming), giveWay: newest.subarray(0, going) };
  }

  /** Whether some node would take it if it had the room. */
  #waitsForRoom(work: CompiledWork): boolean {
    const { nodeCount, model } = this.#placer;
    for (let node = 0; node < nodeCount; node++) {
      if (this.#placer.isLost(node) || work.accepts[model.classes.classOf[node]!] === 0) continue;
      if (this.#placer.hereAllows(work, node) && this.#placer.wideAllows(work, node)) return true;
    }
    return false;
  }

  #class(piece: number): number {
    return this.#placer.workOf[piece]!;
  }

  #priority(piece: number): number {
    return this.#placer.model.works[this.#class(piece)]!.work.priority;
  }
}
