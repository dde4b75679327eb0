import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Role } from '../../../core/ports/identity.ts';
import { CONFIG_MAPS, type KubeHarness, kubeHarness } from './testing/harness.ts';

const SECRETS = '/api/v1/namespaces/default/secrets';
const NAMESPACES = '/api/v1/namespaces';
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
});

const may = async (role: Role, method: string, path: string, body?: object) => {
  kube.as(role);
  return (await kube.request(method, path, body)).status !== 403;
};

describe('authorisation', () => {
  test.each<[Role, boolean, boolean, boolean, boolean]>([
    ['viewer', true, false, false, false],
    ['editor', true, true, true, false],
    ['admin', true, true, true, true],
    ['owner', true, true, true, true],
  ])(
    '%s: reads config maps %s, reads secrets %s, writes config maps %s, writes namespaces %s',
    async (role, reads, readsSecrets, writes, administers) => {
      expect(await may(role, 'GET', CONFIG_MAPS)).toBe(reads);
      expect(await may(role, 'GET', SECRETS)).toBe(readsSecrets);
      expect(await may(role, 'GET', '/api/v1/secrets')).toBe(readsSecrets);
      expect(await may(role, 'GET', `${SECRETS}/s`)).toBe(readsSecrets);
      expect(await may(role, 'POST', CONFIG_MAPS, { metadata: { name: 'c' } })).toBe(writes);
      expect(await may(role, 'DELETE', `${CONFIG_MAPS}/c`)).toBe(writes);
      expect(await may(role, 'POST', NAMESPACES, { metadata: { name: 'team' } })).toBe(administers);
      expect(await may(role, 'PATCH', '/api/v1/nodes/n1', {})).toBe(administers);
    },
  );

  test('watching needs the same right as reading', async () => {
    kube.as('viewer');
    expect((await kube.refused('GET', `${SECRETS}?watch=true`)).code).toBe(403);
  });

  test('the refusal names who, what and where, and what to do', async () => {
    kube.as('viewer');
    const status = await kube.refused('POST', CONFIG_MAPS, { metadata: { name: 'c' } });
    expect(status).toMatchObject({ code: 403, reason: 'Forbidden', details: { kind: 'configmaps' } });
    expect(status.message).toContain(
      'User "ann@example.com" cannot create resource "configmaps" in API group "" in the namespace "default"',
    );
    expect(status.message).toContain('Ask an owner');
    expect(kube.writes).toEqual([]);
  });

  test('can-i answers as requests would be answered', async () => {
    kube.as('viewer');
    const ask = (verb: string, resource: string) =>
      kube.json<{ status: { allowed: boolean } }>('POST', REVIEWS, {
        spec: { resourceAttributes: { verb, resource, namespace: 'default' } },
      });
    expect((await ask('list', 'pods')).status.allowed).toBe(true);
    expect((await ask('get', 'secrets')).status.allowed).toBe(false);
    expect((await ask('create', 'pods')).status.allowed).toBe(false);
    kube.as('editor');
    expect((await ask('create', 'pods')).status.allowed).toBe(true);
    expect((await ask('create', 'namespaces')).status.allowed).toBe(false);
  });
});
