import type { Codec, Field } from './message.ts';
import { WIRE, type WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** The types of fields that etcd's messages are made of, each by its number. */

const NOTHING = new Uint8Array(0);

function scalar<T>(
  number: number,
  wire: number,
  absent: T,
  read: (reader: WireReader) => T,
  write: (writer: WireWriter, value: T) => void,
): Field<T> {
  return { number, wire, absent, read, write };
}

export const bool = (n: number) =>
  scalar<boolean>(
    n,
    WIRE.varint,
    false,
    (reader) => reader.bool(),
    (writer, value) => writer.bool(n, value),
  );

/** An int64 of which numbers beyond 2^53 need not be told apart: revisions, versions, limits. */
export const count = (n: number) =>
  scalar<number>(
    n,
    WIRE.varint,
    0,
    (reader) => reader.int64(),
    (writer, value) => writer.int64(n, value),
  );

export const uint32 = (n: number) =>
  scalar<number>(
    n,
    WIRE.varint,
    0,
    (reader) => reader.uint32(),
    (writer, value) => writer.int64(n, value),
  );

export const int64 = (n: number) =>
  scalar<bigint>(
    n,
    WIRE.varint,
    0n,
    (reader) => reader.bigInt64(),
    (writer, value) => writer.bigInt64(n, value),
  );

export const uint64 = (n: number) =>
  scalar<bigint>(
    n,
    WIRE.varint,
    0n,
    (reader) => reader.bigUint64(),
    (writer, value) => writer.bigInt64(n, value),
  );

export const bytes = (n: number) =>
  scalar<Uint8Array>(
    n,
    WIRE.bytes,
    NOTHING,
    (reader) => reader.bytes(),
    (writer, value) => writer.bytes(n, value),
  );

/** Bytes as a binary string. */
export const key = (n: number) =>
  scalar<string>(
    n,
    WIRE.bytes,
    '',
    (reader) => reader.key(),
    (writer, value) => writer.key(n, value),
  );

export const text = (n: number) =>
  scalar<string>(
    n,
    WIRE.bytes,
    '',
    (reader) => reader.text(),
    (writer, value) => writer.text(n, value),
  );

/** By number. One without a name is undefined, as the protocol is open to new ones. */
export const openEnum = <T extends string>(n: number, names: readonly T[]): Field<T | undefined> =>
  scalar<T | undefined>(
    n,
    WIRE.varint,
    names[0],
    (reader) => names[reader.int32()],
    (writer, value) => writer.int64(n, value === undefined ? UNKNOWN_NAME : names.indexOf(value)),
  );

/** An unknown number is as good as the first. */
export const closedEnum = <const N extends readonly [string, ...string[]]>(n: number, names: N): Field<N[number]> =>
  scalar<N[number]>(
    n,
    WIRE.varint,
    names[0],
    (reader) => names[reader.int32()] ?? names[0],
    (writer, value) => writer.int64(n, names.indexOf(value)),
  );

/** Stands for the undefined of an open enumeration when it is sent on. */
const UNKNOWN_NAME = 0x7fff_ffff;

export const enumList = <T extends string>(n: number, names: readonly T[]): Field<readonly (T | undefined)[]> => {
  const { absent, add } = elements<T | undefined>();
  return {
    number: n,
    wire: WIRE.varint,
    packable: true,
    absent,
    read(reader, before, wire) {
      if (wire === WIRE.varint) return add(before, names[reader.int32()]);
      return reader.message(() => {
        let values = before;
        while (reader.more) values = add(values, names[reader.int32()]);
        return values;
      });
    },
    write(writer, values) {
      if (values.length === 0) return;
      const before = writer.length;
      for (let i = values.length - 1; i >= 0; i--) {
        const name = values[i];
        writer.element64(name === undefined ? UNKNOWN_NAME : names.indexOf(name));
      }
      writer.message(n, before);
    },
  };
};

/** A message that may be absent. */
export const optional = <T>(n: number, codec: Codec<T>): Field<T | undefined> => ({
  number: n,
  wire: WIRE.bytes,
  absent: undefined,
  read: (reader) => reader.message(codec.read),
  write(writer, value) {
    if (value !== undefined) writeMessage(writer, n, codec, value);
  },
});

/** A message that is the same absent and empty. */
export const always = <T>(n: number, codec: Codec<T>, absent: T): Field<T> => ({
  number: n,
  wire: WIRE.bytes,
  absent,
  read: (reader) => reader.message(codec.read),
  write: (writer, value) => writeMessage(writer, n, codec, value),
});

export const list = <T>(n: number, codec: Codec<T>): Field<readonly T[]> =>
  listOf(
    n,
    (reader) => reader.message(codec.read),
    (writer, value) => writeMessage(writer, n, codec, value),
  );

export const keyList = (n: number): Field<readonly string[]> =>
  listOf(
    n,
    (reader) => reader.key(),
    (writer, value) => writer.keyElement(n, value),
  );

export const textList = (n: number): Field<readonly string[]> =>
  listOf(
    n,
    (reader) => reader.text(),
    (writer, value) => writer.textElement(n, value),
  );

function listOf<T>(
  n: number,
  read: (reader: WireReader) => T,
  write: (writer: WireWriter, value: T) => void,
): Field<readonly T[]> {
  const { absent, add } = elements<T>();
  return {
    number: n,
    wire: WIRE.bytes,
    absent,
    read: (reader, before) => add(before, read(reader)),
    write(writer, values) {
      for (let i = values.length - 1; i >= 0; i--) write(writer, values[i]!);
    },
  };
}

/** The empty list, and how to add to a list that began as it: copied once, not for each element. */
function elements<T>() {
  const absent: readonly T[] = [];
  const add = (before: readonly T[], value: T): readonly T[] => {
    if (before === absent) return [value];
    (before as T[]).push(value);
    return before;
  };
  return { absent, add };
}

export function writeMessage<T>(writer: WireWriter, n: number, codec: Codec<T>, value: T): void {
  const before = writer.length;
  codec.write(writer, value);
  writer.message(n, before);
}
