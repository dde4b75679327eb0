import { parse as parseYaml } from 'yaml';
import { badRequest, StatusError } from '../../../core/resources/status.ts';
import type { KubeRequest } from './deps.ts';

/** As etcd and Kubernetes: 1.5 MiB. */
export const MAX_BODY_BYTES = 1.5 * 1024 * 1024;

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

type Source = Pick<KubeRequest, 'c'>;

/** The media type without its parameters; JSON if the client names none (kubectl 1.20 does so). */
export function contentType({ c }: Source): string {
  return (c.req.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase() || 'application/json';
}

/** Reads an object in JSON or YAML. Throws 413, 415 or 400. */
export async function readObject(source: Source): Promise<Record<string, unknown>> {
  const type = contentType(source);
  if (!['application/json', 'application/yaml', 'text/yaml', 'application/x-yaml'].includes(type))
    throw unsupported(type, ['application/json', 'application/yaml']);
  const value = parse(await readText(source), type);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('the body must be one object');
  return value as Record<string, unknown>;
}

/** As readObject, but an empty body is an empty object. */
export async function readOptionalObject(source: Source): Promise<Record<string, unknown>> {
  const length = source.c.req.header('content-length');
  if (length === '0' || source.c.req.raw.body === null) return {};
  if (contentType(source) === PROTOBUF) throw unsupported(PROTOBUF, ['application/json', 'application/yaml']);
  const text = await readText(source);
  if (text.trim() === '') return {};
  const value = parse(text, contentType(source));
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The parsed body of a PATCH whose type was already checked. */
export async function readPatch(source: Source): Promise<unknown> {
  return parse(await readText(source), 'application/json');
}

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

export function unsupported(type: string, accepted: readonly string[]): StatusError {
  const hint =
    type === PROTOBUF
      ? '. kubectl 1.32 and later send protobuf for "create <kind>" shortcuts: write the object to a file and use "kubectl create -f" or "kubectl apply -f", which send JSON'
      : '';
  return new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unsupported format (${type.slice(0, 80)}) - accepted media types: ${accepted.join(', ')}${hint}`,
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

/** Stops reading at the limit, whatever content-length says. */
async function readText({ c }: Source): Promise<string> {
  if (Number(c.req.header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const reader = c.req.raw.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_BODY_BYTES) {
      await reader.cancel();
      throw tooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
}

function tooLarge(): StatusError {
  return new StatusError(
    'RequestEntityTooLarge',
    `the body of the request is too large: the limit is ${MAX_BODY_BYTES} bytes. Split the object, or keep large data outside of it`,
  );
}
