import { malformed } from './malformed.ts';
import { WIRE, WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** How a message is read and written. */
export interface Codec<T> {
  /** Throws EtcdError (internal) on what is none. */
  readonly read: (this: void, reader: WireReader) => T;
  readonly write: (this: void, writer: WireWriter, value: T) => void;
}

/** One field of a message: its number, and how its value is told. */
export interface Field<T> {
  readonly number: number;
  readonly wire: number;
  /** When it is absent. Shared: nobody changes it. */
  readonly absent: T;
  /** `before`: the value so far, for lists. */
  read(reader: WireReader, before: T, wire: number): T;
  /** Leaves out what `absent` says anyway. */
  write(writer: WireWriter, value: T): void;
  /** Lists of numbers come packed, too. */
  readonly packable?: true;
}

type Message<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function message<F extends Record<string, Field<unknown>>>(fields: F): Codec<Message<F>> {
  const plan = Object.entries(fields).map(([property, field]) => ({ property, field }));
  const backwards = [...plan].sort((a, b) => b.field.number - a.field.number);
  const byNumber = new Map(plan.map((entry) => [entry.field.number, entry]));
  return {
    read(reader) {
      const values: Record<string, unknown> = {};
      for (const { property, field } of plan) values[property] = field.absent;
      while (reader.more) {
        const tag = reader.tag();
        const known = byNumber.get(tag >>> 3);
        if (!known) {
          reader.skip(tag);
          continue;
        }
        const { property, field } = known;
        expectWire(tag, field);
        values[property] = field.read(reader, values[property], tag & 7);
      }
      return values as Message<F>;
    },
    write(writer, value) {
      for (const { property, field } of backwards) field.write(writer, value[property]);
    },
  };
}

export function expectWire(tag: number, { wire, packable }: Pick<Field<unknown>, 'wire' | 'packable'>): void {
  if ((tag & 7) === wire || (packable && (tag & 7) === WIRE.bytes)) return;
  throw malformed(`proto: wrong wireType = ${tag & 7} for field ${tag >>> 3}`);
}

/** The whole of `bytes` is one message. Throws EtcdError. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.read(new WireReader(bytes));
}
