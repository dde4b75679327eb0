import { describe, expect, test } from '@jest/globals';
import { container, node, pod, running } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { FIRST_SETTINGS } from './assignment.ts';
import { assignmentOf } from './assignment-of.ts';
import type { AssignedPolicies } from './assigned-policies.ts';

const policy = (name: string, spec: object, namespace = 'default') =>
  ({ kind: 'NetworkPolicy', metadata: { name, namespace }, spec }) as { kind: string };
const namespace = (name: string, labels: Record<string, string> = {}) =>
  ({ kind: 'Namespace', metadata: { name, labels } }) as { kind: string };
const at = (ip: string) => ({ ...running(true), podIP: ip });
const app = (name: string, nodeName: string, ip: string, home = 'default', ports: [string, number][] = []) =>
  pod(name, {
    namespace: home,
    nodeName,
    labels: { app: name },
    status: at(ip),
    spec: { containers: [container('c', { ports: ports.map(([port, containerPort]) => ({ name: port, containerPort })) })] },
  });

const cluster = (...policies: { kind: string }[]) =>
  TestCluster.with(
    namespace('team', { team: 'a' }),
    node('n1'),
    node('n2'),
    app('web', 'n1', '10.0.0.1', 'default', [['http', 8080]]),
    app('db', 'n2', '10.0.1.1', 'default', [['sql', 5432]]),
    app('db2', 'n2', '10.0.1.2', 'default', [['sql', 5433]]),
    app('job', 'n1', '10.0.0.2', 'team'),
    ...policies,
  );
const assigned = (each: TestCluster, name = 'n1') => assignmentOf(each.state, 'c', name, FIRST_SETTINGS)!.policies;

/** What a pod is allowed, with groups written out. */
function allowed(each: TestCluster, podName: string, side: 'ingress' | 'egress', home = 'default'): unknown {
  const found = each.get('Pod', podName, home);
  const policies = assigned(each, found.spec.nodeName!) as AssignedPolicies;
  const indexes = policies.pods.find(({ uid }) => uid === found.metadata.uid)?.[side];
  return indexes?.map((index) => {
    const { peers, ports } = policies.rules[index]!;
    const groups = peers?.groups.map((id) => policies.groups.find((group) => group.id === id)!.addresses);
    return { ...(peers && { peers: { ...peers, groups } }), ...(ports && { ports }) };
  });
}

describe('what a host enforces', () => {
  test('is nothing for pods that no policy selects', async () => {
    expect(assigned(await cluster())).toBeUndefined();
    const each = await cluster(policy('p', { podSelector: { matchLabels: { app: 'web' } } }));
    expect(assigned(each, 'n2')).toBeUndefined();
    expect(assigned(each, 'n1')?.pods).toHaveLength(1);
  });

  test('is to drop everything for a policy without rules, in the directions that it is for', async () => {
    const each = await cluster(policy('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }));
    expect([allowed(each, 'web', 'ingress'), allowed(each, 'web', 'egress')]).toEqual([[], []]);
    const one = await cluster(policy('deny', { podSelector: {} }));
    expect([allowed(one, 'web', 'ingress'), allowed(one, 'web', 'egress')]).toEqual([[], undefined]);
  });

  test('allows what any of several policies allows', async () => {
    const select = { podSelector: { matchLabels: { app: 'web' } } };
    const each = await cluster(
      policy('a', { ...select, ingress: [{ ports: [{ port: 80 }] }] }),
      policy('b', { ...select, ingress: [{ ports: [{ port: 443, protocol: 'UDP' }] }] }),
    );
    expect(allowed(each, 'web', 'ingress')).toEqual([
      { ports: [{ protocol: 'TCP', from: 80, to: 80 }] },
      { ports: [{ protocol: 'UDP', from: 443, to: 443 }] },
    ]);
  });

  test('finds peers by pod, by namespace, and by both', async () => {
    const from = (...peers: object[]) => ({ podSelector: {}, ingress: [{ from: peers }] });
    const groups = async (...peers: object[]) => {
      const each = await cluster(policy('p', from(...peers)));
      return (allowed(each, 'web', 'ingress') as { peers: { groups: string[][] } }[])[0]!.peers.groups;
    };
    expect(await groups({ podSelector: { matchLabels: { app: 'db' } } })).toEqual([['10.0.1.1']]);
    expect(await groups({ namespaceSelector: { matchLabels: { team: 'a' } } })).toEqual([['10.0.0.2']]);
    expect(await groups({ namespaceSelector: {}, podSelector: { matchLabels: { app: 'job' } } })).toEqual([['10.0.0.2']]);
    expect(await groups({ podSelector: { matchLabels: { app: 'job' } } })).toEqual([[]]);
    expect(await groups({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } })).toEqual([
      ['10.0.0.1', '10.0.1.1', '10.0.1.2'],
    ]);
  });

  test('has blocks with exceptions, ranges of ports and named ports', async () => {
    const each = await cluster(
      policy('p', {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [
          {
            from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } }],
            ports: [{ port: 'http' }, { port: 1, endPort: 9 }, { port: 'nosuch' }],
          },
        ],
      }),
    );
    expect(allowed(each, 'web', 'ingress')).toEqual([
      {
        peers: { groups: [], blocks: [{ cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] }] },
        ports: [
          { protocol: 'TCP', from: 8080, to: 8080 },
          { protocol: 'TCP', from: 1, to: 9 },
        ],
      },
    ]);
  });

  test('allows nothing by a port whose name stands for nothing', async () => {
    const each = await cluster(policy('p', { podSelector: {}, ingress: [{ ports: [{ port: 'nosuch' }] }] }));
    expect(allowed(each, 'web', 'ingress')).toEqual([]);
  });

  test('takes named ports of egress from the pods that are called, each with its own number', async () => {
    const each = await cluster(
      policy('p', {
        podSelector: { matchLabels: { app: 'web' } },
        policyTypes: ['Egress'],
        egress: [{ ports: [{ port: 'sql' }] }],
      }),
    );
    expect(allowed(each, 'web', 'egress')).toEqual([
      { peers: { groups: [['10.0.1.1']], blocks: [] }, ports: [{ protocol: 'TCP', from: 5432, to: 5432 }] },
      { peers: { groups: [['10.0.1.2']], blocks: [] }, ports: [{ protocol: 'TCP', from: 5433, to: 5433 }] },
    ]);
  });

  test("leaves pods on their host's network alone", async () => {
    const each = await cluster(policy('deny', { podSelector: {} }));
    await each.create(pod('agent', { nodeName: 'n2', status: at('192.0.2.2'), spec: { hostNetwork: true } }));
    expect(assigned(each, 'n2')?.pods.map(({ uid }) => uid)).not.toContain(each.get('Pod', 'agent').metadata.uid);
  });
});
