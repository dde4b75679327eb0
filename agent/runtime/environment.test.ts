import { describe, expect, test } from '@jest/globals';
import { FIRST_SETTINGS } from '../../core/node/assignment.ts';
import type { Container } from '../../core/resources/schema/pod.ts';
import { configSource } from '../assignment-state.ts';
import { container, pod } from '../testing/pods.ts';
import { environmentOf } from './environment.ts';
import { expand } from './expand.ts';

const metadata = (name: string) => ({ name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' });
const source = configSource(() => ({
  cluster: 'c',
  node: { apiVersion: 'v1', kind: 'Node', metadata: metadata('n') },
  revision: 1,
  pods: [],
  configMaps: [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('map'), data: { A: 'a', 'file.txt': 'f', 'has space': 'x' } },
  ],
  secrets: [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('secret'),
      data: { password: Buffer.from('hunter2').toString('base64') },
    },
  ],
  settings: FIRST_SETTINGS,
}));
const host = { nodeName: 'node-1', hostIp: '192.0.2.1', podIp: '10.0.0.5' };

function valuesOf(more: Partial<Container>): Record<string, string> {
  const one = container('main', more);
  const of = pod(
    'web',
    { containers: [one], serviceAccountName: 'robot' },
    { labels: { tier: 'front' }, annotations: { 'a/b': 'c' } },
  );
  return Object.fromEntries(environmentOf(of, one, source, host));
}

describe('variables', () => {
  test('later ones win, and refer to earlier ones', () => {
    const env = [
      { name: 'A', value: 'mine' },
      { name: 'B', value: '$(A) $(password) $(C) $$(A)' },
      { name: 'C', value: 'late' },
    ];
    const envFrom = [{ configMapRef: { name: 'map' } }, { prefix: 'DB_', secretRef: { name: 'secret' } }];
    expect(valuesOf({ env, envFrom })).toEqual({
      A: 'mine',
      'file.txt': 'f',
      DB_password: 'hunter2',
      B: 'mine $(password) $(C) $(A)',
      C: 'late',
    });
  });

  test('come from single keys and from the pod itself', () => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    expect(
      valuesOf({
        env: [
          { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'map', key: 'A' } } },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'secret', key: 'password' } } },
          { name: 'NONE', valueFrom: { secretKeyRef: { name: 'nope', key: 'x', optional: true } } },
          field('NAME', 'metadata.name'),
          field('TIER', "metadata.labels['tier']"),
          field('NOTE', "metadata.annotations['a/b']"),
          field('NODE', 'spec.nodeName'),
          field('ACCOUNT', 'spec.serviceAccountName'),
          field('IP', 'status.podIP'),
          field('HOST', 'status.hostIP'),
        ],
      }),
    ).toEqual({
      KEY: 'a',
      PASSWORD: 'hunter2',
      NAME: 'web',
      TIER: 'front',
      NOTE: 'c',
      NODE: 'node-1',
      ACCOUNT: 'robot',
      IP: '10.0.0.5',
      HOST: '192.0.2.1',
    });
  });

  test.each([
    [{ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'nope', key: 'x' } } }] }, 'configmap "nope" not found'],
    [
      { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'secret', key: 'x' } } }] },
      "couldn't find key x in Secret default/secret",
    ],
    [{ envFrom: [{ secretRef: { name: 'nope' } }] }, 'secret "nope" not found'],
  ])('what is missing stops the start: %j', (spec, message) => {
    expect(() => valuesOf(spec)).toThrow(message);
  });
});

test.each([
  ['$(A)-$(B)', 'one-$(B)'],
  ['$$(A) $$ $', '$(A) $ $'],
  ['$(A', '$(A'],
])('%s expands to %s', (text, result) => {
  expect(expand(text, new Map([['A', 'one']]))).toBe(result);
});
