import type { ByteWriter } from './bytes.ts';
import type { LogRecord, Operation } from './entry.ts';
import { FRESH, KIND, LAST, LONG, OTHER_LEASE, OTHER_LENGTH } from './entry-2-bits.ts';
import { numberAt, numberStart } from './numbered-id.ts';
import type { Key } from './types.ts';

/** Writes the records of one entry of format 2, each by what it has that the one before hasn't. */
export class RecordEncoder {
  readonly #out: ByteWriter;
  /** Texts of ids that were written, and the number of each: mostly there is one. */
  #firstText: string | undefined;
  #otherTexts: Map<string, number> | undefined;
  /** What the next record's id is if nothing is said: none, or that text with the number after this. */
  #text = '';
  #number = -1;
  #key: Key = '';
  #lease = 0n;
  #valueBytes = 0;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  record({ requestId, operations }: LogRecord): void {
    if (requestId) this.#id(requestId);
    else if (this.#number >= 0) {
      this.#out.byte(KIND.noId);
      this.#number = -1;
    }
    if (operations.length === 0) this.#out.byte(KIND.nothing | LAST);
    for (let index = 0; index < operations.length; index++) {
      this.#operation(operations[index]!, index === operations.length - 1 ? LAST : 0);
    }
  }

  #id(id: string): void {
    if (this.#number >= 0 && id.startsWith(this.#text) && numberAt(id, this.#text.length) === this.#number + 1) {
      this.#number++;
      return;
    }
    const out = this.#out;
    const at = numberStart(id);
    const text = id.slice(0, at);
    out.byte(KIND.id);
    const known = this.#numberOf(text);
    out.number(known);
    if (known === 0) out.text(text);
    this.#text = text;
    this.#number = numberAt(id, at);
    out.number(this.#number + 1);
  }

  /** 0: it wasn't written yet; the next time it has a number. */
  #numberOf(text: string): number {
    if (text === this.#firstText) return 1;
    if (this.#firstText === undefined) {
      this.#firstText = text;
      return 0;
    }
    const others = (this.#otherTexts ??= new Map());
    const known = others.get(text);
    if (known === undefined) others.set(text, others.size + 2);
    return known ?? 0;
  }

  #operation(operation: Operation, last: number): void {
    const out = this.#out;
    switch (operation.type) {
      case 'put': {
        const { key, value, lease, fresh } = operation;
        const otherLease = lease !== this.#lease;
        const otherLength = value.length !== this.#valueBytes;
        out.byte(KIND.put | last | (fresh ? FRESH : 0) | (otherLease ? OTHER_LEASE : 0) | (otherLength ? OTHER_LENGTH : 0));
        if (otherLease) out.int64((this.#lease = lease));
        if (otherLength) out.number((this.#valueBytes = value.length));
        this.#writeKey(key);
        return;
      }
      case 'delete':
        out.byte(KIND.delete | last);
        this.#writeKey(operation.key);
        return;
      case 'grant':
        out.byte(KIND.grant | last);
        out.int64(operation.lease);
        out.number(operation.ttlSeconds);
        return;
      case 'revoke':
        out.byte(KIND.revoke | last);
        out.int64(operation.lease);
        return;
      case 'compact':
        out.byte(KIND.compact | last);
        out.number(operation.revision);
        return;
      case 'elsewhere':
        out.byte(KIND.elsewhere | last);
        return;
      case 'set':
        out.byte((operation.value ? KIND.set : KIND.unset) | last);
        out.text(operation.name);
        if (operation.value) out.bytes(operation.value);
    }
  }

  #writeKey(key: Key): void {
    const before = this.#key;
    const sharedMax = Math.min(before.length, key.length);
    let shared = 0;
    while (shared < sharedMax && before.charCodeAt(shared) === key.charCodeAt(shared)) shared++;
    const gone = before.length - shared;
    const more = key.length - shared;
    const out = this.#out;
    out.byte((Math.min(gone, LONG) << 4) | Math.min(more, LONG));
    if (gone >= LONG) out.number(gone - LONG);
    if (more >= LONG) out.number(more - LONG);
    out.latin1(key, shared);
    this.#key = key;
  }
}
