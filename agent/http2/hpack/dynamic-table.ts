import type { HeaderField } from './header-field.ts';

/** RFC 7541, section 2.3.2: the newest first, and the oldest leave when there is no room. */
export class DynamicTable {
  /** Oldest first, so that adding is cheap; those before `#first` are gone. */
  #fields: HeaderField[] = [];
  #first = 0;
  #size = 0;
  #sizeMax: number;
  /** How often it was changed: what was read with its help may mean something else after each. */
  changes = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#size;
  }

  get length(): number {
    return this.#fields.length - this.#first;
  }

  /** 0: the newest. */
  at(index: number): HeaderField | undefined {
    return index < this.length ? this.#fields[this.#fields.length - 1 - index] : undefined;
  }

  /** A field larger than the table empties it, and that is no error (4.4). */
  add(field: HeaderField): void {
    this.changes++;
    this.#evict(this.#sizeMax - field.size);
    if (field.size > this.#sizeMax) return;
    this.#fields.push(field);
    this.#size += field.size;
  }

  resize(sizeMax: number): void {
    this.changes++;
    this.#sizeMax = sizeMax;
    this.#evict(sizeMax);
  }

  #evict(target: number): void {
    while (this.#size > target && this.length > 0) {
      this.#size -= this.#fields[this.#first]!.size;
      this.#first++;
    }
    // Now and then, so that it costs nothing per field.
    if (this.#first > 32 && this.#first * 2 > this.#fields.length) {
      this.#fields = this.#fields.slice(this.#first);
      this.#first = 0;
    }
  }
}
