import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { heard, report, SECOND, T0 } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { networkAssignedTo } from '../../network/assigned-to.ts';
import { afterRound, ROUNDS_TO_NOTICE, suspicionsIn, type WatchedPeer } from '../../network/watch-round.ts';
import { watchedBy } from '../../network/watched.ts';
import { isAskedAnew, nodeTimeout } from '../../node/node-timeout.ts';
import type { Node } from '../../resources/schema/node.ts';
import { findCondition } from '../conditions.ts';
import { type ClusterSettings, DEFAULT_SETTINGS, SETTINGS_NAME, SETTINGS_NAMESPACE, settingsOf } from '../settings.ts';

/**
 * The promise of node-timeout.ts, with all who keep it together: hosts that watch each other in rounds of their own, reports, controllers. Hosts die
 * at any time, one has a firewall that lets no answer in, and the paths to those that die are broken for a while before. Seconds from the start.
 */
interface Story {
  readonly hosts: number;
  readonly notReadySeconds: number;
  /** In which part of a round each host is, [0, 1). */
  readonly phases: readonly number[];
  readonly deaths: readonly { readonly at: number; readonly brokenBefore: number }[];
  readonly firewallAt: number;
}

/** Reports are on their way so long, and time goes on in seconds. */
const SLACK_SECONDS = 4;
const LAST_SECOND = 100;
/** All have answered each other by then. */
const ANSWERED_ONCE = 4;
/** What is suspected longer than it is told of (36 s, at 20 s until NotReady) is noticed by others, or later: docs/decisions/0024. */
const BROKEN_MAX = 30;

class Host {
  readonly name: string;
  peers: ReadonlyMap<string, WatchedPeer> = new Map();
  readonly answered = new Set<string>();
  nextRound = 0;
  told = '';
  /** As of its last assignment. */
  node: Node | undefined;
  others: readonly string[] = [];
  wantsReport = true;

  constructor(name: string) {
    this.name = name;
  }
}

async function tell({ hosts: count, notReadySeconds, phases, deaths, firewallAt }: Story): Promise<void> {
  const data = { notReadySeconds: String(notReadySeconds) };
  const settingsMap = { kind: 'ConfigMap', metadata: { name: SETTINGS_NAME, namespace: SETTINGS_NAMESPACE }, data };
  const cluster = await TestCluster.with(settingsMap);
  const settings: ClusterSettings = settingsOf(cluster.state);
  const hosts = Array.from({ length: count }, (_, index) => new Host(`n${index}`));
  const second = () => (cluster.now - T0) / SECOND;
  const deathOf = new Map(deaths.map((death, index) => [`n${index}`, death]));
  const lives = ({ name }: Host) => !(second() >= (deathOf.get(name)?.at ?? Infinity));
  const behindFirewall = `n${deaths.length}`;
  const reaches = (from: Host, to: string) => {
    const death = deathOf.get(to);
    if (from.name === behindFirewall && second() >= firewallAt) return false;
    return !death || second() < Math.max(ANSWERED_ONCE, death.at - death.brokenBefore);
  };
  const every = nodeTimeout(settings).noticeMs / ROUNDS_TO_NOTICE / SECOND;

  for (const [index, host] of hosts.entries()) host.nextRound = every * phases[index]!;
  const goneAt = new Map<string, number>();
  const end = Math.max(...deaths.map(({ at }) => at)) + notReadySeconds + SLACK_SECONDS;
  for (; second() <= end; cluster.now += SECOND) {
    for (const host of hosts.filter(lives)) {
      const names = watchedBy(host.name, host.others, new Set(suspicionsIn(host.peers).map(({ node }) => node)));
      // A new peer is asked at once, the others in each round.
      for (const name of names) if (!host.peers.get(name)?.answers && reaches(host, name)) host.answered.add(name);
      while (host.nextRound <= second()) {
        host.peers = afterRound(host.peers, names, host.answered, cluster.now);
        host.answered.clear();
        for (const name of names) if (reaches(host, name)) host.answered.add(name);
        host.nextRound += every;
      }
      const suspects = suspicionsIn(host.peers);
      const says = JSON.stringify(suspects);
      if (says === host.told && !host.wantsReport) continue;
      Object.assign(host, { told: says, wantsReport: false });
      const network = { address: `192.168.7.${Number(host.name.slice(1)) + 1}`, mtu: 1500 };
      const item = heard(host.name, cluster.now, report({ withinSeconds: 300, network, suspects }));
      cluster.inbox = [...cluster.inbox.filter(({ nodeName }) => nodeName !== host.name), item];
    }
    await cluster.settle();
    for (const host of hosts) {
      const node = cluster.get('Node', host.name);
      const silent = findCondition(node.status?.conditions, 'Ready')?.status === 'Unknown';
      if (silent && !goneAt.has(host.name)) goneAt.set(host.name, second());
      if (!lives(host)) continue;
      expect([second(), host.name, silent]).toEqual([second(), host.name, false]);
      if (host.node && isAskedAnew(node, host.node)) host.wantsReport = true;
      host.node = node;
      host.others = networkAssignedTo(cluster.state, host.name)!.peers.map((peer) => peer.node);
    }
  }
  for (const [name, { at }] of deathOf) {
    const gone = goneAt.get(name) ?? Infinity;
    expect([name, gone - at <= notReadySeconds + SLACK_SECONDS]).toEqual([name, true]);
  }
}

const story = fc.record({
  hosts: fc.integer({ min: 4, max: 7 }),
  notReadySeconds: fc.constantFrom(20, DEFAULT_SETTINGS.notReadySeconds),
  phases: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 7, maxLength: 7 }),
  deaths: fc.array(
    fc.record({
      at: fc.integer({ min: ANSWERED_ONCE, max: LAST_SECOND }),
      brokenBefore: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: BROKEN_MAX })),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  firewallAt: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: LAST_SECOND })),
});

describe('hosts that die without a word', () => {
  test('property: are NotReady within the node timeout, whenever they die and whoever else can not see it; and nobody else ever is', async () => {
    await fc.assert(fc.asyncProperty(story, tell), { numRuns: 15, endOnFailure: true });
  }, 120_000);
});
