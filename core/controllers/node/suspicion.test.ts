import { describe, expect, test } from '@jest/globals';
import { heard, report, SECOND } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { networkAssignedTo } from '../../network/assigned-to.ts';
import { watchedBy } from '../../network/watched.ts';
import { ASKED_ANNOTATION, askedAt } from '../../node/node-timeout.ts';
import type { Report } from '../../node/report.ts';
import { findCondition } from '../conditions.ts';

/** Hosts that are connected, so that each reports every five minutes: the hosted service's and everybody's default. */
class Watching {
  readonly cluster: TestCluster;

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  static async of(...names: string[]): Promise<Watching> {
    const watching = new Watching(await TestCluster.with());
    for (const name of names) watching.hear(name);
    await watching.cluster.settle();
    return watching;
  }

  hear(name: string, given: Partial<Report> = {}): void {
    const { cluster } = this;
    const network = { address: `192.168.7.${name.charCodeAt(0)}`, mtu: 1500 };
    const item = heard(name, cluster.now, report({ withinSeconds: 300, network, suspects: [], ...given }));
    cluster.inbox = [...cluster.inbox.filter(({ nodeName }) => nodeName !== name), item];
  }

  /** A host says that another doesn't answer it. */
  suspect(by: string, node: string, since = this.cluster.now): void {
    this.hear(by, { suspects: [{ node, since, told: 0 }] });
  }

  /** Time goes on second by second, as on a server of one's own. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.cluster.now += SECOND;
      await this.cluster.settle();
    }
  }

  ready = (name: string) => findCondition(this.cluster.get('Node', name).status?.conditions, 'Ready')?.status;
  peersOf = (name: string) => networkAssignedTo(this.cluster.state, name)!.peers.map(({ node }) => node);
  asked = (name: string) => askedAt(this.cluster.get('Node', name));
}

describe('a host that dies without a word', () => {
  test('is asked for a report when a peer loses it, and withdrawn by all within the node timeout of its death', async () => {
    const hosts = await Watching.of('a', 'b', 'c');
    await hosts.pass(100);
    // It dies now. Twenty seconds later its peers have noticed.
    await hosts.pass(20);
    hosts.suspect('a', 'b');
    hosts.suspect('c', 'b');
    await hosts.pass(1);
    expect(hosts.asked('b')).toBe(hosts.cluster.now);
    const [event, ...more] = hosts.cluster.events('NodeSuspected');
    expect(more).toEqual([]);
    expect(event!.message).toBe(
      'Node b no longer answers a, c: it is asked for a report, and is NotReady if none comes within 30 s',
    );
    await hosts.pass(29);
    expect(hosts.ready('b')).toBe('True');
    await hosts.pass(1);
    expect(hosts.ready('b')).toBe('Unknown');
    expect([hosts.peersOf('a'), hosts.peersOf('c')]).toEqual([['c'], ['a']]);
  });

  test('is asked twice, as what it is told may get lost, and not a third time', async () => {
    const hosts = await Watching.of('a', 'b');
    await hosts.pass(1);
    hosts.suspect('a', 'b');
    const told = new Set<string>();
    for (let second = 0; second < 30; second++) {
      await hosts.pass(1);
      told.add(JSON.stringify(hosts.cluster.get('Node', 'b').metadata.annotations));
    }
    expect(told.size).toBe(2);
    hosts.hear('b');
    hosts.hear('a');
    await hosts.pass(60);
    hosts.suspect('a', 'b');
    await hosts.pass(1);
    expect(hosts.cluster.get('Node', 'b').metadata.annotations).toEqual({ [ASKED_ANNOTATION]: expect.any(String) });
  });

  test('and was only away, is back with its first report', async () => {
    const hosts = await Watching.of('a', 'b');
    await hosts.pass(1);
    hosts.suspect('a', 'b');
    await hosts.pass(31);
    expect(hosts.ready('b')).toBe('Unknown');
    hosts.hear('b');
    await hosts.pass(1);
    expect(hosts.ready('b')).toBe('True');
    expect(hosts.peersOf('a')).toEqual(['b']);
  });
});

describe('a false suspicion', () => {
  test('withdraws nobody, however many say it, if the host answers; and it is not asked again for the same', async () => {
    const hosts = await Watching.of('a', 'b', 'c');
    await hosts.pass(50);
    hosts.suspect('a', 'b');
    hosts.suspect('c', 'b');
    await hosts.pass(2);
    hosts.hear('b');
    const asked = hosts.asked('b');
    await hosts.pass(300);
    hosts.hear('a', { suspects: [{ node: 'b', since: hosts.cluster.now - 300 * SECOND, told: 12 }] });
    hosts.hear('c');
    hosts.hear('b');
    await hosts.pass(100);
    expect(hosts.ready('b')).toBe('True');
    expect(hosts.asked('b')).toBe(asked);
    expect(hosts.cluster.events('NodeSuspected')).toHaveLength(1);
  });

  test('says nothing that a report from after it does not answer, and none can be said ahead of time', async () => {
    const hosts = await Watching.of('a', 'b');
    await hosts.pass(50);
    hosts.suspect('a', 'b', hosts.cluster.now + 3_600 * SECOND);
    await hosts.pass(1);
    hosts.hear('b');
    await hosts.pass(200);
    expect(hosts.ready('b')).toBe('True');
    expect(hosts.cluster.events('NodeSuspected').map(({ count }) => count)).toEqual([1]);
  });

  test('that is made up anew each second keeps a host busy no more than a lease would', async () => {
    const hosts = await Watching.of('a', 'b');
    let asks = 0;
    let last: number | undefined;
    for (let second = 0; second < 100; second++) {
      hosts.suspect('a', 'b');
      await hosts.pass(1);
      if (hosts.asked('b') !== last) {
        asks++;
        last = hosts.asked('b');
        hosts.cluster.now += 100;
        hosts.hear('b');
      }
    }
    expect(asks).toBeLessThanOrEqual(6);
    expect(hosts.ready('b')).toBe('True');
  });

  test('of a host that somebody else is to watch is not heard', async () => {
    const names = Array.from('abcdefghij');
    const hosts = await Watching.of(...names);
    const watched = watchedBy('a', names, new Set());
    const other = names.find((name) => name !== 'a' && !watched.includes(name))!;
    await hosts.pass(10);
    hosts.suspect('a', other);
    await hosts.pass(5);
    expect(hosts.asked(other)).toBeUndefined();
    hosts.suspect('a', watched[0]!);
    await hosts.pass(1);
    expect(hosts.asked(watched[0]!)).toBeDefined();
  });

  test('of a host whose agent does not know what it is asked, or that reports every few seconds anyway, changes nothing', async () => {
    const hosts = await Watching.of('a', 'old', 'busy');
    await hosts.pass(10);
    const { suspects: _, ...before } = hosts.cluster.inbox.find(({ nodeName }) => nodeName === 'old')!.report;
    hosts.cluster.inbox = hosts.cluster.inbox.map((item) => (item.nodeName === 'old' ? { ...item, report: before } : item));
    hosts.hear('busy', { withinSeconds: 20 });
    hosts.hear('a', {
      suspects: ['old', 'busy'].map((node) => ({ node, since: hosts.cluster.now + SECOND, told: 0 })),
    });
    await hosts.pass(35);
    expect([hosts.asked('old'), hosts.asked('busy')]).toEqual([undefined, undefined]);
    expect([hosts.ready('old'), hosts.ready('busy')]).toEqual(['True', 'True']);
  });

  test('of a host whose push connection ended says nothing that is not known: it has its whole time to boot', async () => {
    const hosts = await Watching.of('a', 'b');
    await hosts.pass(10);
    const lostAt = hosts.cluster.now;
    hosts.cluster.inbox = hosts.cluster.inbox.map((item) => (item.nodeName === 'b' ? { ...item, lostAt } : item));
    await hosts.pass(20);
    hosts.suspect('a', 'b');
    await hosts.pass(39);
    expect([hosts.asked('b'), hosts.ready('b')]).toEqual([undefined, 'True']);
    await hosts.pass(1);
    expect(hosts.ready('b')).toBe('Unknown');
  });

  test('of one that was asked before and dies later is acted on like the first', async () => {
    const hosts = await Watching.of('a', 'b');
    await hosts.pass(10);
    hosts.suspect('a', 'b');
    await hosts.pass(1);
    hosts.cluster.now += 100;
    hosts.hear('b');
    hosts.hear('a');
    await hosts.pass(120);
    hosts.suspect('a', 'b');
    await hosts.pass(31);
    expect(hosts.ready('b')).toBe('Unknown');
    expect(hosts.cluster.get('Node', 'b').metadata.annotations?.[ASKED_ANNOTATION]).toBeDefined();
  });
});
