import type {
  Compare,
  DeleteRangeRequest,
  Operation,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../../core/etcd/requests.ts';
import type { ChangeEvent, KeyValue, RevisionEvents } from '../../../core/keyspace/types.ts';
import type { AnyRequest } from '../../sim/histories/workload.ts';

/** Requests as etcd's JSON gateway takes them, and its answers as core/ has them. */

type Json = Record<string, unknown>;

const base64 = (key: string) => Buffer.from(key, 'latin1').toString('base64');
const bytes = (value: Uint8Array) => Buffer.from(value).toString('base64');

export const PATH: Readonly<Record<AnyRequest['method'], string>> = {
  Range: '/v3/kv/range',
  Put: '/v3/kv/put',
  DeleteRange: '/v3/kv/deleterange',
  Txn: '/v3/kv/txn',
  Compact: '/v3/kv/compaction',
  LeaseGrant: '/v3/lease/grant',
  LeaseRevoke: '/v3/lease/revoke',
};

export function toJson({ method, request }: AnyRequest): Json {
  switch (method) {
    case 'Range':
      return rangeJson(request);
    case 'Put':
      return putJson(request);
    case 'DeleteRange':
      return deleteJson(request);
    case 'Txn':
      return txnJson(request);
    case 'Compact':
      return { revision: String(request.revision) };
    case 'LeaseGrant':
      return { ID: String(request.id), TTL: String(request.ttl) };
    case 'LeaseRevoke':
      return { ID: String(request.id) };
  }
}

const rangeJson = (request: RangeRequest): Json => ({
  key: base64(request.key),
  range_end: base64(request.rangeEnd),
  limit: String(request.limit),
  revision: String(request.revision),
  sort_order: request.sortOrder,
  sort_target: request.sortTarget,
  serializable: request.serializable,
  keys_only: request.keysOnly,
  count_only: request.countOnly,
  min_mod_revision: String(request.minModRevision),
  max_mod_revision: String(request.maxModRevision),
  min_create_revision: String(request.minCreateRevision),
  max_create_revision: String(request.maxCreateRevision),
});

const putJson = (request: PutRequest): Json => ({
  key: base64(request.key),
  value: bytes(request.value),
  lease: String(request.lease),
  prev_kv: request.prevKv,
  ignore_value: request.ignoreValue,
  ignore_lease: request.ignoreLease,
});

const deleteJson = (request: DeleteRangeRequest): Json => ({
  key: base64(request.key),
  range_end: base64(request.rangeEnd),
  prev_kv: request.prevKv,
});

const txnJson = (request: TxnRequest): Json => ({
  compare: request.compare.map(compareJson),
  success: request.success.map((operation) => operationJson(operation!)),
  failure: request.failure.map((operation) => operationJson(operation!)),
});

function operationJson({ type, request }: Operation): Json {
  if (type === 'range') return { request_range: rangeJson(request) };
  if (type === 'put') return { request_put: putJson(request) };
  if (type === 'deleteRange') return { request_delete_range: deleteJson(request) };
  return { request_txn: txnJson(request) };
}

function compareJson(compare: Compare): Json {
  const operand = {
    VERSION: { version: String(compare.version) },
    CREATE: { create_revision: String(compare.createRevision) },
    MOD: { mod_revision: String(compare.modRevision) },
    VALUE: { value: bytes(compare.value) },
    LEASE: { lease: String(compare.lease) },
  }[compare.target!];
  return {
    key: base64(compare.key),
    range_end: base64(compare.rangeEnd),
    result: compare.result,
    target: compare.target,
    ...operand,
  };
}

/** What the gateway leaves out is zero. */
const number = (value: unknown) => Number(value ?? 0);
const list = (value: unknown) => (value ?? []) as readonly Json[];

export function responseOf(method: AnyRequest['method'], json: Json): object {
  const { revision } = json['header'] as { revision: string };
  return { ...fieldsOf(method, json), revision: Number(revision) };
}

function fieldsOf(method: AnyRequest['method'], json: Json): object {
  switch (method) {
    case 'Range':
      return { kvs: list(json['kvs']).map(keyValueOf), more: json['more'] ?? false, count: number(json['count']) };
    case 'Put':
      return { prevKv: json['prev_kv'] ? keyValueOf(json['prev_kv'] as Json) : undefined };
    case 'DeleteRange':
      return { deleted: number(json['deleted']), prevKvs: list(json['prev_kvs']).map(keyValueOf) };
    case 'Txn':
      return { succeeded: json['succeeded'] ?? false, responses: list(json['responses']).map(operationResponseOf) };
    default:
      return {};
  }
}

function operationResponseOf(json: Json): object {
  if (json['response_range']) return { type: 'range', response: fieldsOf('Range', json['response_range'] as Json) };
  if (json['response_put']) return { type: 'put', response: fieldsOf('Put', json['response_put'] as Json) };
  if (json['response_delete_range']) {
    return { type: 'deleteRange', response: fieldsOf('DeleteRange', json['response_delete_range'] as Json) };
  }
  return { type: 'txn', response: fieldsOf('Txn', json['response_txn'] as Json) };
}

function keyValueOf(json: Json): KeyValue {
  const decoded = (field: string) => Buffer.from((json[field] ?? '') as string, 'base64');
  return {
    key: decoded('key').toString('latin1'),
    value: new Uint8Array(decoded('value')),
    createRevision: number(json['create_revision']),
    modRevision: number(json['mod_revision']),
    version: number(json['version']),
    lease: BigInt((json['lease'] ?? 0) as string),
  };
}

/** The events of a watch's answers, by revision. */
export function logOf(answers: readonly Json[]): RevisionEvents[] {
  const events = answers.flatMap((answer) => list((answer['result'] as Json)['events']).map(eventOf));
  const log: { revision: number; events: ChangeEvent[] }[] = [];
  for (const event of events) {
    const { modRevision } = event.kv;
    const last = log.at(-1);
    if (last?.revision === modRevision) last.events.push(event);
    else log.push({ revision: modRevision, events: [event] });
  }
  return log;
}

function eventOf(json: Json): ChangeEvent {
  const prev = json['prev_kv'] ? keyValueOf(json['prev_kv'] as Json) : undefined;
  return { type: json['type'] === 'DELETE' ? 'delete' : 'put', kv: keyValueOf(json['kv'] as Json), prev };
}
