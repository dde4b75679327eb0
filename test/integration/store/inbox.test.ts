import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Inbox } from '../../../core/ports/inbox.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { dynamoInbox, ReportTooLargeError } from '../../../store/inbox.ts';
import { memoryInbox } from '../../../store/inbox-memory.ts';
import { watchedInbox } from '../../../store/inbox-watched.ts';
import { heard, hostEvent, T0 } from '../../support/builders.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

let store: EmbeddedStore;
beforeAll(async () => {
  store = await embeddedStore();
});
afterAll(() => store.stop());

const inboxes: [string, () => Inbox][] = [
  ['in memory', memoryInbox],
  ['over DynamoDB', () => dynamoInbox(store.client, EMBEDDED_TABLES.tenant)],
];

describe.each(inboxes)('an inbox %s', (_, open) => {
  let clusters = 0;
  const freshCluster = () => `c${++clusters}`;

  test('holds the last report of each host', async () => {
    const inbox = open();
    const cluster = freshCluster();
    await inbox.put('acme', cluster, heard('n2', T0));
    await inbox.put('acme', cluster, heard('n1', T0));
    const last = heard('n1', T0 + 1, { events: [hostEvent('e1')] });
    await inbox.put('acme', cluster, last);
    expect(await inbox.list('acme', cluster)).toEqual([last, heard('n2', T0)]);
  });

  test('knows when a host was last heard and when its next report is due, also from reports that say nothing new', async () => {
    const inbox = open();
    const cluster = freshCluster();
    await inbox.put('acme', cluster, heard('n1', T0, { withinSeconds: 20, leaseSeconds: 60 }));
    await inbox.put('acme', cluster, heard('n1', T0 + 5, { withinSeconds: 300, leaseSeconds: 30 }));
    expect(await inbox.list('acme', cluster)).toEqual([heard('n1', T0 + 5, { withinSeconds: 300, leaseSeconds: 30 })]);
    await inbox.put('acme', cluster, heard('n1', T0 + 6, { withinSeconds: 300, leaseSeconds: 30 }), true);
    expect(await inbox.list('acme', cluster)).toMatchObject([{ receivedAt: T0 + 6 }]);
  });

  test.each([[false], [true]])(
    'a report whose write was slow does not take the heartbeat back (it says something new: %p)',
    async (news) => {
      const inbox = open();
      const cluster = freshCluster();
      const rhythm = { withinSeconds: 20, leaseSeconds: 60 };
      await inbox.put('acme', cluster, heard('n1', T0, rhythm));
      await inbox.put('acme', cluster, heard('n1', T0 + 30_000, rhythm));
      await inbox.put('acme', cluster, heard('n1', T0 + 10_000, { ...rhythm, ...(news ? { labels: { old: 'yes' } } : {}) }));
      expect(await inbox.list('acme', cluster)).toMatchObject([{ receivedAt: T0 + 30_000, report: rhythm }]);
      // The next one counts, and tells again what is so.
      await inbox.put('acme', cluster, heard('n1', T0 + 50_000, rhythm));
      expect(await inbox.list('acme', cluster)).toEqual([heard('n1', T0 + 50_000, rhythm)]);
      // A clock that was set back is no slow write.
      await inbox.put('acme', cluster, heard('n1', T0 - 3_600_000, rhythm));
      expect(await inbox.list('acme', cluster)).toEqual([heard('n1', T0 - 3_600_000, rhythm)]);
    },
  );

  test.each([[false], [true]])(
    'a report that came at once with another by a slower clock takes the heartbeat no second back (it says something new: %p)',
    async (news) => {
      const inbox = open();
      const cluster = freshCluster();
      await inbox.put('acme', cluster, heard('n1', T0 + 1_900, { withinSeconds: 300, leaseSeconds: 60 }));
      const slower = { withinSeconds: 20, leaseSeconds: 30, ...(news ? { labels: { v: 'b' } } : {}) };
      await inbox.put('acme', cluster, heard('n1', T0, slower));
      const report = { ...slower, leaseSeconds: 60 };
      expect(await inbox.list('acme', cluster)).toEqual([heard('n1', T0 + 1_900, report)]);
    },
  );

  test('shows each report as it is now, whatever it showed before', async () => {
    const inbox = open();
    const reader = open === memoryInbox ? inbox : open();
    const cluster = freshCluster();
    const seen = async () => ((await reader.list('acme', cluster))[0]!.report.labels as { v: string }).v;
    for (const [at, v] of ['a', 'b', 'a', 'c', 'a'].entries()) {
      await inbox.put('acme', cluster, heard('n1', T0 + at, { labels: { v } }));
      if (v !== 'b') expect(await seen()).toBe(v);
    }
  });

  test('tells since when a host is without its push connection, until it reports again', async () => {
    const inbox = open();
    const cluster = freshCluster();
    await inbox.markLost('acme', cluster, 'n1', T0);
    expect(await inbox.list('acme', cluster)).toEqual([]);
    await inbox.put('acme', cluster, heard('n1', T0));
    await inbox.markLost('acme', cluster, 'n1', T0 + 1);
    expect(await inbox.list('acme', cluster)).toEqual([{ ...heard('n1', T0), lostAt: T0 + 1 }]);
    await inbox.put('acme', cluster, heard('n1', T0 + 2));
    expect(await inbox.list('acme', cluster)).toEqual([heard('n1', T0 + 2)]);
  });

  test('keeps tenants and clusters apart', async () => {
    const inbox = open();
    const cluster = freshCluster();
    await inbox.put('acme', cluster, heard('n1', T0));
    expect([await inbox.list('other', cluster), await inbox.list('acme', freshCluster())]).toEqual([[], []]);
  });

  test('forgets a host', async () => {
    const inbox = open();
    const cluster = freshCluster();
    await inbox.put('acme', cluster, heard('n1', T0));
    await inbox.delete('acme', cluster, 'n1');
    await inbox.delete('acme', cluster, 'never-there');
    expect(await inbox.list('acme', cluster)).toEqual([]);
  });

  test('says of a heartbeat that it is one only while the report that it speaks of lies there', async () => {
    const inbox = open();
    const cluster = freshCluster();
    expect(await inbox.put('acme', cluster, heard('n1', T0))).toBe('report');
    expect(await inbox.put('acme', cluster, heard('n1', T0 + 10_000))).toBe('heartbeat');
    await inbox.delete('acme', cluster, 'n1');
    expect(await inbox.put('acme', cluster, heard('n1', T0 + 20_000))).toBe('report');
  });

  test('holds more than one answer of the store can', async () => {
    const inbox = open();
    const cluster = freshCluster();
    const names = Array.from({ length: 12 }, (_unused, index) => `n${String(index).padStart(2, '0')}`);
    for (const name of names) await inbox.put('acme', cluster, heard(name, T0, { labels: { noise: noise(150_000) } }));
    expect((await inbox.list('acme', cluster)).map(({ nodeName }) => nodeName)).toEqual(names);
  });

  test('tells of reports, and which of them are news', async () => {
    const told: unknown[] = [];
    const cluster = freshCluster();
    const inbox = watchedInbox(open(), (...report) => told.push(report));
    await inbox.put('acme', cluster, heard('n1', T0));
    await inbox.put('acme', cluster, heard('n1', T0 + 1, { observedRevision: 7 }));
    await inbox.put('acme', cluster, heard('n1', T0 + 2, { events: [hostEvent('e1')] }));
    await inbox.delete('acme', cluster, 'n1');
    expect(told).toEqual([true, false, true, true].map((news) => ['acme', cluster, 'n1', news]));
  });
});

test('a report that fits no item is refused by name', async () => {
  const inbox = dynamoInbox(store.client, EMBEDDED_TABLES.tenant);
  const report = heard('n1', T0, { labels: { noise: noise(400_000) } });
  await expect(inbox.put('acme', 'c', report)).rejects.toThrow(ReportTooLargeError);
});

/** Text that compresses to about its bytes. */
function noise(bytes: number): string {
  return randomBytes(bytes).toString('base64');
}
