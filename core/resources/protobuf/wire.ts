/** The protobuf wire format (https://protobuf.dev/programming-guides/encoding/), as far as Kubernetes' messages use it. */

export interface WireField {
  readonly number: number;
  /** A varint as int64, or the bytes of a length-delimited field. */
  readonly value: bigint | Uint8Array;
}

/** The fields of one message, in order. Throws RangeError if the bytes aren't a message. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = Number(varint(bytes, cursor));
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        yield { number, value: BigInt.asIntN(64, varint(bytes, cursor)) };
        break;
      case 1:
        yield { number, value: take(bytes, cursor, 8) };
        break;
      case 2:
        yield { number, value: take(bytes, cursor, Number(varint(bytes, cursor))) };
        break;
      case 5:
        yield { number, value: take(bytes, cursor, 4) };
        break;
      default:
        throw new RangeError(`wire type ${tag & 7} at byte ${cursor.at}`);
    }
  }
}

interface Cursor {
  at: number;
}

function varint(bytes: Uint8Array, cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new RangeError(`a number that doesn't end at byte ${cursor.at}`);
}

function take(bytes: Uint8Array, cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > bytes.length) throw new RangeError(`a field of ${length} bytes at byte ${cursor.at} of ${bytes.length}`);
  const part = bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}
