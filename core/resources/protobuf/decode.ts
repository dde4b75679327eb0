import { base64 } from '../base64.ts';
import { badRequest } from '../status.ts';
import { fieldsOf, isMessage, type MessageField, type MessageName, ROOTS } from './messages.ts';
import { type WireField, wireFields } from './wire.ts';

/**
 * Kubernetes' protobuf bodies as the JSON they stand for. Go clients (kubectl from 1.32 on) write them for typed objects; answers may
 * be JSON. Envelope: `k8s\0`, then runtime.Unknown { typeMeta { apiVersion, kind }, raw }.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding-idl
 */

type Json = Record<string, unknown>;

const MAGIC = [0x6b, 0x38, 0x73, 0x00];
const decoder = new TextDecoder();

/** Throws BadRequest for bytes that can't be read; undefined if it is of a type that isn't known here. */
export function decodeProtobuf(bytes: Uint8Array): Json | undefined {
  if (!MAGIC.every((byte, index) => bytes[index] === byte))
    throw badRequest("the body can't be read as protobuf: it doesn't begin with k8s\\0");
  try {
    let apiVersion = '';
    let kind = '';
    let raw = new Uint8Array(0);
    for (const { number, value } of wireFields(bytes.subarray(MAGIC.length))) {
      if (number === 1)
        for (const part of wireFields(data(value))) {
          if (part.number === 1) apiVersion = text(part.value);
          else kind = text(part.value);
        }
      if (number === 2) raw = data(value);
    }
    if (!ROOTS.has(kind)) return undefined;
    return { apiVersion, kind, ...message(kind as MessageName, raw) };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the body can't be read as protobuf: ${error.message}`);
    throw error;
  }
}

function message(name: MessageName, bytes: Uint8Array): Json {
  const result: Json = {};
  const fields = fieldsOf(name);
  for (const wire of wireFields(bytes)) {
    const field = fields.get(wire.number);
    // A number that isn't listed is of a later Kubernetes: it has to be refused like any unknown field, unless it says nothing.
    if (!field) {
      if (!isZero(wire)) result[`<protobuf field ${wire.number} of ${name}>`] = true;
    } else if (field.type !== '-') {
      add(result, field, wire);
    }
  }
  return result;
}

function add(result: Json, field: MessageField, wire: WireField): void {
  const { name, type, container, pointer } = field;
  if (type === '?') {
    if (pointer || !isZero(wire)) result[name] = true;
  } else if (container === 'inline') {
    Object.assign(result, message(type as MessageName, data(wire.value)));
  } else if (container === 'list') {
    const list = (result[name] ??= []) as unknown[];
    list.push(value(type, wire));
  } else if (container === 'map') {
    const [key, entry] = mapEntry(type, data(wire.value));
    Object.defineProperty((result[name] ??= {}), key, { value: entry, enumerable: true, configurable: true, writable: true });
  } else {
    const read = value(type, wire);
    if (pointer || (read !== '' && read !== 0 && read !== false && read !== undefined)) result[name] = read;
  }
}

function value(type: string, wire: WireField): unknown {
  if (isMessage(type)) return message(type, data(wire.value));
  switch (type) {
    case 'int':
      return Number(integer(wire.value));
    case 'bool':
      return integer(wire.value) !== 0n;
    case 'bytes':
      return base64(data(wire.value));
    case 'time':
      return time(data(wire.value));
    case 'qty':
      return Array.from(wireFields(data(wire.value)), (part) => text(part.value))[0] ?? '0';
    case 'intstr':
      return intOrString(data(wire.value));
    default:
      return text(wire.value);
  }
}

function mapEntry(type: string, bytes: Uint8Array): [string, unknown] {
  let key = '';
  let entry: unknown = '';
  for (const part of wireFields(bytes)) {
    if (part.number === 1) key = text(part.value);
    else if (part.number === 2) entry = value(type, part);
  }
  return [key, entry];
}

/** { seconds, nanos }. An empty one is Go's zero time: none. */
function time(bytes: Uint8Array): string | undefined {
  let seconds = 0n;
  let nanos = 0n;
  for (const { number, value: part } of wireFields(bytes)) {
    if (number === 1) seconds = integer(part);
    else nanos = integer(part);
  }
  if (seconds === 0n && nanos === 0n) return undefined;
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError(`${seconds} is not a time`);
  return nanos === 0n
    ? `${date.toISOString().slice(0, 19)}Z`
    : `${date.toISOString().slice(0, 19)}.${String(nanos / 1000n).padStart(6, '0')}Z`;
}

/** { type, intVal, strVal }. */
function intOrString(bytes: Uint8Array): number | string {
  let isString = false;
  let number = 0;
  let string = '';
  for (const part of wireFields(bytes)) {
    if (part.number === 1) isString = integer(part.value) === 1n;
    else if (part.number === 2) number = Number(integer(part.value));
    else string = text(part.value);
  }
  return isString ? string : number;
}

function isZero({ value: read }: WireField): boolean {
  return typeof read === 'bigint' ? read === 0n : read.length === 0;
}

function data(read: WireField['value']): Uint8Array<ArrayBuffer> {
  if (typeof read === 'bigint') throw new RangeError('a number where bytes belong');
  return read as Uint8Array<ArrayBuffer>;
}

function integer(read: WireField['value']): bigint {
  if (typeof read !== 'bigint') throw new RangeError('bytes where a number belongs');
  return read;
}

function text(read: WireField['value']): string {
  return decoder.decode(data(read));
}
