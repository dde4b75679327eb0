import type { Key } from '../../keyspace/types.ts';
import { CODE, EtcdError } from '../errors.ts';

/**
 * Reads messages as protobuf's JSON mapping has them (https://protobuf.dev/programming-guides/json/), as etcd's gateway does: names in
 * camelCase or snake_case, int64 as strings or numbers, bytes in base64, absent and null as zero, unknown names ignored.
 */
export interface Field<T> {
  /** Undefined: not given. Throws EtcdError. */
  read(json: unknown): T;
  /** If it isn't the property's. */
  readonly name?: string;
}

type Message<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function message<F extends Record<string, Field<unknown>>>(fields: F): Field<Message<F>> {
  const plan = Object.entries(fields).map(([property, field]) => ({
    property,
    field,
    camel: field.name ?? property,
    snake: (field.name ?? property).replace(/[a-z][A-Z]/g, ([a, b]) => `${a}_${b!.toLowerCase()}`),
  }));
  return {
    read(json) {
      if (json != null && (typeof json !== 'object' || Array.isArray(json))) throw mismatch(json, 'map[string]json.RawMessage');
      const object = (json ?? {}) as Record<string, unknown>;
      const entries = plan.map(({ property, field, camel, snake }) => {
        const value = own(object, snake) ?? own(object, camel);
        return [property, field.read(value ?? undefined)];
      });
      return Object.fromEntries(entries) as Message<F>;
    },
  };
}

export function named<T>(name: string, field: Field<T>): Field<T> {
  return { ...field, name };
}

/** A message that may be absent. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { read: (json) => (json === undefined ? undefined : field.read(json)) };
}

/** For messages that contain themselves. */
export function lazy<T>(field: () => Field<T>): Field<T> {
  return { read: (json) => field().read(json) };
}

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    read(json) {
      if (json === undefined) return [];
      if (!Array.isArray(json)) throw mismatch(json, '[]json.RawMessage');
      return json.map((item: unknown) => field.read(item ?? undefined));
    },
  };
}

export const bool: Field<boolean> = {
  read(json) {
    if (json === undefined) return false;
    if (typeof json !== 'boolean') throw mismatch(json, 'bool');
    return json;
  },
};

export const text: Field<string> = {
  read(json) {
    if (json === undefined) return '';
    if (typeof json !== 'string') throw mismatch(json, 'string');
    return json;
  },
};

export const int64: Field<bigint> = {
  read(json) {
    if (json === undefined) return 0n;
    const digits = typeof json === 'string' || typeof json === 'number' ? String(json) : undefined;
    if (digits === undefined || !/^-?\d+$/.test(digits)) throw mismatch(json, 'int64');
    const value = BigInt(digits);
    if (BigInt.asIntN(64, value) !== value) throw mismatch(json, 'int64');
    return value;
  },
};

/** A uint64, and so an id of a member. */
export const uint64: Field<bigint> = {
  read(json) {
    if (json === undefined) return 0n;
    const digits = typeof json === 'string' || typeof json === 'number' ? String(json) : '';
    if (!/^\d+$/.test(digits) || BigInt(digits) >= 2n ** 64n) throw mismatch(json, 'uint64');
    return BigInt(digits);
  },
};

/** An int64 of which numbers beyond 2^53 need not be told apart: revisions, versions, limits. */
export const count: Field<number> = { read: (json) => Number(int64.read(json)) };

export const bytes: Field<Uint8Array> = {
  read(json) {
    if (json === undefined) return new Uint8Array(0);
    if (typeof json !== 'string') throw mismatch(json, '[]uint8');
    return Uint8Array.from(decodeBase64(json));
  },
};

export const key: Field<Key> = {
  read(json) {
    if (json === undefined) return '';
    if (typeof json !== 'string') throw mismatch(json, '[]uint8');
    return decodeBase64(json).toString('latin1');
  },
};

/** By name or by number. A number without a name is undefined, as the protocol is open to new ones. */
export function enumeration<T extends string>(type: string, names: readonly T[]): Field<T | undefined> {
  return {
    read(json) {
      if (json === undefined) return names[0];
      if (typeof json === 'number' && Number.isInteger(json)) return names[json];
      if (typeof json !== 'string') throw mismatch(json, `etcdserverpb.${type}`);
      if (!names.includes(json as T)) {
        throw new EtcdError(CODE.invalidArgument, `unknown value ${JSON.stringify(json)} for enum etcdserverpb.${type}`);
      }
      return json as T;
    },
  };
}

/** The standard alphabet, padded. Line breaks are allowed. */
function decodeBase64(text: string): Buffer {
  const plain = text.replace(/[\r\n]/g, '');
  const valid = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(plain)![0];
  if (valid.length < plain.length) {
    throw new EtcdError(CODE.invalidArgument, `illegal base64 data at input byte ${valid.length}`);
  }
  return Buffer.from(plain, 'base64');
}

function own(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** In the words of Go's decoder, which people who search for them will find. */
function mismatch(json: unknown, type: string): EtcdError {
  const kind = Array.isArray(json) ? 'array' : json === null ? 'null' : typeof json === 'boolean' ? 'bool' : typeof json;
  const shown = kind === 'number' && type === 'int64' ? `number ${String(json)}` : kind;
  return new EtcdError(CODE.invalidArgument, `json: cannot unmarshal ${shown} into Go value of type ${type}`);
}
