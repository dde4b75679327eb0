import { parse as parseYaml } from 'yaml';
import { decodeProtobuf } from '../../../core/resources/protobuf/decode.ts';
import { badRequest, StatusError } from '../../../core/resources/status.ts';
import type { KubeRequest } from './deps.ts';

/** As etcd and Kubernetes: 1.5 MiB. */
const MAX_BODY_BYTES = 1.5 * 1024 * 1024;

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const OBJECT_TYPES = ['application/json', 'application/yaml', 'text/yaml', 'application/x-yaml', PROTOBUF];

type Source = Pick<KubeRequest, 'c'>;

/** The media type without its parameters; JSON if the client names none (kubectl 1.20 does so). */
export function contentType({ c }: Source): string {
  return (c.req.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase() || 'application/json';
}

/** Reads an object in JSON, YAML or Kubernetes' protobuf. Throws 413, 415 or 400. */
export async function readObject(source: Source): Promise<Record<string, unknown>> {
  const type = contentType(source);
  if (!OBJECT_TYPES.includes(type)) throw unsupported(type, OBJECT_TYPES);
  const value = type === PROTOBUF ? fromProtobuf(await readBytes(source)) : parse(await readText(source), type);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('the body must be one object');
  return value as Record<string, unknown>;
}

/** As readObject, but an empty body is an empty object. */
export async function readOptionalObject(source: Source): Promise<Record<string, unknown>> {
  const type = contentType(source);
  const bytes = await readBytes(source);
  if (bytes.length === 0) return {};
  const value = type === PROTOBUF ? fromProtobuf(bytes) : parse(new TextDecoder().decode(bytes), type);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The parsed body of a PATCH whose type was already checked. */
export async function readPatch(source: Source): Promise<unknown> {
  return parse(await readText(source), 'application/json');
}

function fromProtobuf(bytes: Uint8Array): Record<string, unknown> {
  const value = decodeProtobuf(bytes);
  if (!value)
    throw new StatusError(
      'UnsupportedMediaType',
      `objects of this kind can't be read as ${PROTOBUF} - accepted media types: application/json, application/yaml`,
    );
  return value;
}

export function unsupported(type: string, accepted: readonly string[]): StatusError {
  const list = accepted.join(', ');
  return new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unsupported format (${type.slice(0, 80)}) - accepted media types: ${list}`,
  );
}

function parse(text: string, type: string): unknown {
  try {
    return type.endsWith('json') ? JSON.parse(text) : parseYaml(text, { maxAliasCount: 100, version: '1.1', schema: 'core' });
  } catch (error) {
    throw badRequest(
      `the body can't be read as ${type.endsWith('json') ? 'JSON' : 'YAML'}: ${(error as Error).message.split('\n', 1)[0]}`,
    );
  }
}

async function readText(source: Source): Promise<string> {
  return new TextDecoder().decode(await readBytes(source));
}

/** Stops reading at the limit, whatever content-length says. */
async function readBytes({ c }: Source): Promise<Uint8Array> {
  if (Number(c.req.header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const reader = c.req.raw.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > MAX_BODY_BYTES) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): StatusError {
  return new StatusError(
    'RequestEntityTooLarge',
    `the body of the request is too large: the limit is ${MAX_BODY_BYTES} bytes. Split the object, or keep large data outside of it`,
  );
}

/** A value from a body as an error message may quote it: short. */
export function quoted(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 80);
}
