import type { Reply } from './reply.ts';

/** Answers of other servers, for as long as they hold. The oldest go when there are too many. */
export class ReplyCache {
  readonly #entries = new Map<string, { readonly reply: Reply; readonly at: number }>();
  readonly #elapsed: () => number;
  #bytes = 0;

  /** `elapsed`: ms that only go forward. */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** With its age, whole seconds. */
  get(key: string): { readonly reply: Reply; readonly age: number } | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const age = Math.floor((this.#elapsed() - entry.at) / 1000);
    if (age < entry.reply.ttl) return { reply: entry.reply, age };
    this.#drop(key);
    return undefined;
  }

  put(key: string, reply: Reply): void {
    if (reply.ttl <= 0) return;
    this.#drop(key);
    this.#entries.set(key, { reply, at: this.#elapsed() });
    this.#bytes += sizeOf(key, reply);
    while (this.#entries.size > ENTRIES_MAX || this.#bytes > BYTES_MAX) this.#drop(this.#entries.keys().next().value!);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(key, entry.reply);
  }
}

const ENTRIES_MAX = 5_000;
const BYTES_MAX = 4_000_000;

function sizeOf(key: string, { message, ttlOffsets }: Reply): number {
  return key.length + message.length + ttlOffsets.length * 8 + 200;
}
