import type { ByteReader } from './bytes.ts';
import type { LogRecord, Operation } from './entry.ts';
import { FRESH, KIND, KIND_MASK, LAST, LONG, OTHER_LEASE, OTHER_LENGTH } from './entry-2-bits.ts';
import { CorruptLogError } from './errors.ts';
import type { Key } from './types.ts';

/** Reads the records of one entry of format 2. Throws CorruptLogError. */
export class RecordDecoder {
  readonly #input: ByteReader;
  /** Where the next value begins. */
  valuesAt: number;
  readonly #texts: string[] = [];
  #text = '';
  #number = -1;
  #key: Key = '';
  /** The bytes of the key before; undefined: no key has needed any yet. */
  #keyBytes: Buffer | undefined;
  #lease = 0n;
  #valueBytes = 0;

  constructor(input: ByteReader, valuesAt: number) {
    this.#input = input;
    this.valuesAt = valuesAt;
  }

  record(): LogRecord {
    let first = this.#input.byte();
    let requestId: string | undefined;
    if ((first & KIND_MASK) === KIND.id) {
      requestId = this.#id();
      first = this.#input.byte();
    } else if ((first & KIND_MASK) === KIND.noId) {
      this.#number = -1;
      first = this.#input.byte();
    } else if (this.#number >= 0) requestId = this.#text + ++this.#number;
    const operations: Operation[] = [];
    if (first === (KIND.nothing | LAST)) return { requestId, operations };
    for (let head = first; ; head = this.#input.byte()) {
      operations.push(this.#operation(head));
      if ((head & LAST) !== 0) return { requestId, operations };
    }
  }

  #id(): string {
    const known = this.#input.number();
    if (known === 0) this.#texts.push(this.#input.text());
    const text = known === 0 ? this.#texts.at(-1) : this.#texts[known - 1];
    if (text === undefined) throw new CorruptLogError('a request id in the log refers to one that is not there');
    this.#text = text;
    this.#number = this.#input.number() - 1;
    return this.#number < 0 ? text : text + this.#number;
  }

  #operation(head: number): Operation {
    const input = this.#input;
    switch (head & KIND_MASK) {
      case KIND.put: {
        if ((head & OTHER_LEASE) !== 0) this.#lease = input.int64();
        if ((head & OTHER_LENGTH) !== 0) this.#valueBytes = input.number();
        const key = this.#readKey();
        const value = input.rawAt(this.valuesAt, this.#valueBytes);
        this.valuesAt += value.length;
        return { type: 'put', key, value, lease: this.#lease, fresh: (head & FRESH) !== 0 };
      }
      case KIND.delete:
        return { type: 'delete', key: this.#readKey() };
      case KIND.grant:
        return { type: 'grant', lease: input.int64(), ttlSeconds: input.number() };
      case KIND.revoke:
        return { type: 'revoke', lease: input.int64() };
      case KIND.compact:
        return { type: 'compact', revision: input.number() };
      case KIND.elsewhere:
        return { type: 'elsewhere' };
      case KIND.set:
        return { type: 'set', name: input.text(), value: input.bytes() };
      case KIND.unset:
        return { type: 'set', name: input.text(), value: undefined };
      default:
        throw new CorruptLogError(`the log holds an operation of unknown kind ${head & KIND_MASK}: update Terrane`);
    }
  }

  #readKey(): Key {
    const input = this.#input;
    const head = input.byte();
    let gone = head >> 4;
    let more = head & LONG;
    if (gone === LONG) gone += input.number();
    if (more === LONG) more += input.number();
    const shared = this.#key.length - gone;
    if (shared < 0) throw new CorruptLogError('a key in the log refers to more than there is before it');
    if (shared === 0) {
      this.#keyBytes = undefined;
      return (this.#key = input.latin1(more));
    }
    input.assertMore(more);
    const length = shared + more;
    const bytes = this.#roomFor(length, shared);
    input.copyTo(bytes, shared, more);
    // A string of its own: one put together of two others would keep both.
    return (this.#key = bytes.toString('latin1', 0, length));
  }

  /** For a key of that length, of which so many bytes are those of the one before. */
  #roomFor(length: number, shared: number): Buffer {
    const before = this.#keyBytes;
    if (before && before.length >= length) return before;
    const larger = Buffer.allocUnsafe(Math.max(64, length * 2));
    if (before) before.copy(larger, 0, 0, shared);
    else larger.write(this.#key, 'latin1');
    return (this.#keyBytes = larger);
  }
}
