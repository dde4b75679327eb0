import { gunzipSync } from 'node:zlib';
import { reportFingerprint } from '../../core/controllers/news.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import type { Report } from '../../core/node/report.ts';

/** A record of the tenant table's stream, as Lambda hands it over; binary values are base64. */
export interface StreamRecord {
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly dynamodb: {
    readonly SequenceNumber: string;
    readonly Keys: StreamItem;
    readonly NewImage?: StreamItem;
    readonly OldImage?: StreamItem;
  };
}

type StreamItem = Readonly<Record<string, { readonly S?: string; readonly N?: string; readonly B?: string }>>;

/** What a batch of records says of one cluster. */
export interface ClusterNews {
  readonly tenant: string;
  readonly cluster: string;
  /** Of its first record: where a retry begins. */
  readonly firstSequence: string;
  /** Somebody committed to the registry. */
  commits: boolean;
  /** A host reported something new, its report was removed, or its push connection ended. */
  reports: boolean;
  /** Hosts that only said what they had said before: news if they were given up as silent. */
  readonly heartbeats: Set<string>;
}

const LOG = /^([a-z0-9]+)#log#([^/]+)\/registry$/;
const INBOX = /^([a-z0-9]+)#inbox#([^#]+)$/;
/** Heartbeats come only when they tell of a connection that ended. */
const BEAT = /^([a-z0-9]+)#beat#([^#]+)$/;

/** By cluster, in the order of their first records. Records of other items are passed over. */
export function newsOf(records: readonly StreamRecord[]): ClusterNews[] {
  const clusters = new Map<string, ClusterNews>();
  for (const record of records) {
    const { Keys, SequenceNumber: firstSequence } = record.dynamodb;
    const pk = Keys['pk']?.S ?? '';
    const [, tenant, cluster] = LOG.exec(pk) ?? INBOX.exec(pk) ?? BEAT.exec(pk) ?? [];
    if (!tenant || !cluster) continue;
    const id = `${tenant}#${cluster}`;
    const news = clusters.get(id) ?? { tenant, cluster, firstSequence, commits: false, reports: false, heartbeats: new Set() };
    clusters.set(id, news);
    // Entries are only ever added by a commit; their removal is retention.
    if (LOG.test(pk)) news.commits ||= record.eventName === 'INSERT';
    else if (BEAT.test(pk)) news.reports ||= record.dynamodb.NewImage?.['lost'] !== undefined;
    else if (saysSomethingNew(record)) news.reports = true;
    else news.heartbeats.add(Keys['sk']?.S ?? '');
  }
  return [...clusters.values()];
}

/** The newest commit to a cluster's key-value store that a batch of records tells of. */
export interface KvNews {
  readonly tenant: string;
  readonly cluster: string;
  sequence: Sequence;
}

const KV_LOG = /^([a-z0-9]+)#log#([^/]+)\/kv$/;

export function kvNewsOf(records: readonly StreamRecord[]): KvNews[] {
  const clusters = new Map<string, KvNews>();
  for (const { eventName, dynamodb } of records) {
    const [, tenant, cluster] = KV_LOG.exec(dynamodb.Keys['pk']?.S ?? '') ?? [];
    if (!tenant || !cluster || eventName !== 'INSERT') continue;
    const sequence = Number(dynamodb.Keys['sk']?.S);
    const news = clusters.get(`${tenant}#${cluster}`) ?? { tenant, cluster, sequence };
    news.sequence = Math.max(news.sequence, sequence);
    clusters.set(`${tenant}#${cluster}`, news);
  }
  return [...clusters.values()];
}

function saysSomethingNew({ dynamodb: { NewImage, OldImage } }: StreamRecord): boolean {
  const [before, after] = [OldImage?.['body']?.B, NewImage?.['body']?.B];
  if (before === undefined || after === undefined) return true;
  return before !== after && fingerprint(before) !== fingerprint(after);
}

function fingerprint(body: string): string {
  return reportFingerprint(JSON.parse(gunzipSync(Buffer.from(body, 'base64')).toString('utf8')) as Report);
}
