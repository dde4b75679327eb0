import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { Report } from '../../core/node/report.ts';
import { report } from '../../test/support/builders.ts';
import { kvNewsOf, newsOf, type StreamRecord } from './stream-news.ts';

let sequence = 0;

function record(eventName: StreamRecord['eventName'], pk: string, sk: string, images: object = {}): StreamRecord {
  return { eventName, dynamodb: { SequenceNumber: String(++sequence), Keys: { pk: { S: pk }, sk: { S: sk } }, ...images } };
}

const image = (said: Report) => ({ body: { B: gzipSync(JSON.stringify(said)).toString('base64') } });
const reported = (node: string, before: Report | undefined, after: Report) =>
  record(before ? 'MODIFY' : 'INSERT', 'acme#inbox#prod', node, {
    NewImage: image(after),
    ...(before && { OldImage: image(before) }),
  });

describe('what a batch of stream records says', () => {
  test('is told by cluster, each with its first record', () => {
    const first = record('INSERT', 'acme#log#prod/registry', '0000000000000007');
    const other = record('INSERT', 'beta#log#prod/registry', '0000000000000001');
    const news = newsOf([first, other, record('INSERT', 'acme#log#prod/registry', '0000000000000008')]);
    expect(news.map(({ tenant, cluster, firstSequence, commits }) => ({ tenant, cluster, firstSequence, commits }))).toEqual([
      { tenant: 'acme', cluster: 'prod', firstSequence: first.dynamodb.SequenceNumber, commits: true },
      { tenant: 'beta', cluster: 'prod', firstSequence: other.dynamodb.SequenceNumber, commits: true },
    ]);
  });

  test('tells a report that says something new from a heartbeat', () => {
    const quiet = report();
    const [same] = newsOf([reported('n1', quiet, { ...quiet, observedRevision: 9 })]);
    expect(same).toMatchObject({ reports: false, heartbeats: new Set(['n1']) });
    const [changed] = newsOf([reported('n1', quiet, report({ labels: { zone: 'a' } }))]);
    expect(changed).toMatchObject({ reports: true });
    const [first] = newsOf([reported('n1', undefined, quiet)]);
    expect(first).toMatchObject({ reports: true });
    const [removed] = newsOf([record('REMOVE', 'acme#inbox#prod', 'n1', { OldImage: image(quiet) })]);
    expect(removed).toMatchObject({ reports: true });
  });

  test.each([
    ['acme#log#prod/kv', "users' etcd data"],
    ['acme#chunk#prod/registry', 'parts of long entries'],
    ['acme#snap#prod/registry', 'snapshots'],
    ['acme#org', 'accounts'],
    ['acme#conn#prod', 'connections'],
  ])('passes %s over: %s', (pk) => {
    expect(newsOf([record('INSERT', pk, 'x')])).toEqual([]);
  });

  test('does not take retention for a commit', () => {
    expect(newsOf([record('REMOVE', 'acme#log#prod/registry', '1')])).toMatchObject([{ commits: false }]);
  });
});

describe('commits to a key-value store', () => {
  test('are told by the newest of each cluster, and nothing else of its keyspace is', () => {
    const entry = (pk: string, at: number, eventName: StreamRecord['eventName'] = 'INSERT') =>
      record(eventName, pk, String(at).padStart(16, '0'));
    expect(
      kvNewsOf([
        entry('acme#log#prod/kv', 7),
        entry('acme#log#prod/registry', 9),
        entry('acme#log#prod/kv', 8),
        entry('other#log#prod/kv', 3),
        entry('acme#log#prod/kv', 2, 'REMOVE'),
        entry('acme#chunk#prod/kv', 11),
      ]),
    ).toEqual([
      { tenant: 'acme', cluster: 'prod', sequence: 8 },
      { tenant: 'other', cluster: 'prod', sequence: 3 },
    ]);
  });
});
