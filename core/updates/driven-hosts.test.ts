import { describe, expect, test } from '@jest/globals';
import { node } from '../../test/support/builders.ts';
import type { Node } from '../resources/schema/node.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { updatesOfNode } from './driven-hosts.ts';

const group = (name: string, hosts?: UpdateGroup['spec']['hosts']): UpdateGroup => ({
  apiVersion: 'terrane.dev/v1',
  kind: 'UpdateGroup',
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: { application: 'acme-os', channel: 'stable', ...(hosts && { hosts }) },
});
const labelled = (labels: Record<string, string>): Node => {
  const made = node('n1') as Node;
  return { ...made, metadata: { ...made.metadata, labels } };
};
const follows = (groups: UpdateGroup[], labels: Record<string, string>) =>
  updatesOfNode(groups, labelled(labels)).map((one) => `${one.driver}:${one.group}`);

describe('what a node follows', () => {
  test('is nothing, unless a group says that agents update its hosts', () => {
    expect(follows([group('a')], { x: 'y' })).toEqual([]);
  });
  test('is the first group, by name, that selects it, of one system; and one for the agent itself beside it', () => {
    const groups = [
      group('a', { driver: 'rauc', matchLabels: { site: 'x' } }),
      group('b', { driver: 'apt' }),
      group('c', { driver: 'rauc' }),
      group('d', { driver: 'agent' }),
    ];
    expect(follows(groups, {})).toEqual(['apt:b', 'agent:d']);
    expect(follows(groups, { site: 'x' })).toEqual(['rauc:a', 'agent:d']);
  });
  test('comes with how to tell whether an update did it good', () => {
    const health = { timeout: '90s', units: ['app.service'], command: ['/usr/bin/check', '-q'] };
    expect(updatesOfNode([group('a', { driver: 'rauc', checkEvery: '1m', health })], labelled({}))).toEqual([
      {
        group: 'a',
        application: 'acme-os',
        driver: 'rauc',
        checkSeconds: 60,
        health: { timeoutSeconds: 90, units: ['app.service'], command: ['/usr/bin/check', '-q'] },
      },
    ]);
  });
});
