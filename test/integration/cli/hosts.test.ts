import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { Node } from '../../../core/resources/schema/node.ts';
import { PODS } from '../../../functions/api/kube/testing/harness.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestTerrane, testTerrane } from './support.ts';

let terrane: TestTerrane;
beforeEach(async () => {
  terrane = await testTerrane();
});
afterEach(() => terrane.stop());

const addNode = async (name: string, ready: 'True' | 'False', reason = 'AgentReady', message = '') => {
  await terrane.kube.json('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  await terrane.kube.json('PATCH', `/api/v1/nodes/${name}/status`, {
    status: { conditions: [{ type: 'Ready', status: ready, reason, message }] },
  });
};
const addPod = (name: string, nodeName: string, owned = true) =>
  terrane.kube.json('POST', PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(owned
        ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }] }
        : {}),
    },
    spec: { nodeName, containers: [{ name: 'a', image: 'a' }] },
  });
const node = (name: string) => terrane.kube.json<Node & Record<string, unknown>>('GET', `/api/v1/nodes/${name}`);

describe('token create', () => {
  test('--kind join prints one line that checks the script before it runs it, with the token in the environment', async () => {
    const { stdout, stderr } = await terrane.run(['token', 'create', '--kind', 'join', '--uses', '3', '--expires', '2h']);
    const sha256 = createHash('sha256').update('#!/bin/sh\n').digest('hex');
    expect(stdout).toBe(
      'f=$(mktemp) && { curl -fsSLk https://terrane.test:7443/install.sh -o "$f" || ' +
        'wget -qO "$f" --no-check-certificate https://terrane.test:7443/install.sh; } && ' +
        `echo "${sha256}  $f" | sha256sum -c --quiet && ` +
        'TERRANE_TOKEN=trn_join_new_secret_crc TERRANE_KEY=sha256:abc TERRANE_CLUSTER_ID=x sh "$f"\n',
    );
    expect(stderr).toContain('as root on the host (good for one host, for 60m)');
    expect(terrane.requests).toContain('POST /v1/tokens {"kind":"join","cluster":"x","expiresIn":7200,"uses":3}');
  });

  test('the line works: the script runs if its bytes are the promised ones, and not otherwise', async () => {
    terrane.info = { ...terrane.info, url: terrane.url };
    const { command } = JSON.parse(await terrane.must(['token', 'create', '--kind', 'join', '--json'])) as { command: string };
    const sh = (line: string) =>
      spawnSync('sh', ['-c', `curl() { shift; printf '${line}' >"$3"; }; ${command}; code=$?; rm "$f"; exit $code`], {
        encoding: 'utf8',
      });
    expect(sh('#!/bin/sh\\n')).toMatchObject({ status: 0 });
    // A host that has only wget.
    const wget = `curl() { return 127; }; wget() { printf '#!/bin/sh\\n' >"$2"; }; ${command}; code=$?; rm "$f"; exit $code`;
    expect(spawnSync('sh', ['-c', wget])).toMatchObject({ status: 0 });
    expect(sh('echo pwned\\n')).toMatchObject({ status: 1, stdout: expect.not.stringContaining('pwned') });
  });

  test('it says when the control plane is for this machine only', async () => {
    terrane.info = { ...terrane.info, url: 'https://127.0.0.1:7443' };
    expect((await terrane.run(['token', 'create', '--kind', 'join'])).stderr).toContain('answers on this machine only');
  });

  test('--kind api prints the token and nothing else on standard output', async () => {
    expect(await terrane.must(['token', 'create', '--kind', 'api', '--role', 'viewer'])).toBe('trn_new_secret_crc\n');
    expect(terrane.requests.at(-1)).toBe('POST /v1/tokens {"kind":"api","role":"viewer"}');
    expect(await terrane.run(['token', 'create', '--kind', 'other'])).toMatchObject({ code: 2 });
    expect(await terrane.run(['token', 'create', '--kind', 'api', '--expires', 'soon'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('30d'),
    });
  });

  test('list and revoke', async () => {
    expect(await terrane.must(['token', 'list'])).toMatch(
      /^ID +KIND +CLUSTER +ROLE +USED +STATE +EXPIRES +AGE\nj1 +join +prod +- +0\/1 +active +in 60m/,
    );
    await terrane.must(['token', 'revoke', 'j1']);
    expect(terrane.requests.at(-1)).toBe('DELETE /v1/tokens/j1');
    expect(await terrane.run(['token', 'revoke', 'trn_join_j1_x_y'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('its id is wanted'),
    });
  });
});

describe('clusters', () => {
  test('the one that was made last is chosen; use, --cluster and TERRANE_CLUSTER choose another', async () => {
    await terrane.must(['cluster', 'create', 'test']);
    expect(await terrane.must(['cluster', 'list'])).toMatch(/prod +- .*\ntest +\* /);
    await terrane.must(['cluster', 'use', 'prod']);
    const seen = async (...args: string[]) =>
      JSON.parse(await terrane.must(['whoami', '--json', ...args])) as { cluster: { name: string } };
    expect((await seen()).cluster.name).toBe('prod');
    await terrane.must(['token', 'create', '--kind', 'join', '--cluster', 'test']);
    expect(terrane.requests.some((request) => request.startsWith('POST /v1/tokens') && request.includes('"cluster":"x1"'))).toBe(
      true,
    );
    expect(await terrane.run(['get', 'pods'], { env: { TERRANE_CLUSTER: 'nope' } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There are: prod, test'),
    });
  });

  test('several and none chosen: it lists them', async () => {
    await terrane.must(['cluster', 'create', 'test']);
    await terrane.must(['cluster', 'delete', 'test', '--yes']);
    terrane.clusters.push({ id: 'x2', name: 'other', nodes: 0, createdAt: 0 });
    expect(await terrane.run(['get', 'pods'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/there are prod, other\n.*cluster use/),
    });
  });

  test('a new one has no network yet, and says when it gets one', async () => {
    await terrane.must(['cluster', 'create', 'test']);
    expect(await terrane.must(['net', 'status'])).toContain('no network yet: it is made with the first host');
  });

  test('deleting one asks', async () => {
    expect(await terrane.run(['cluster', 'delete', 'prod'])).toMatchObject({ code: 2 });
    expect(terrane.clusters).toHaveLength(1);
    await terrane.must(['cluster', 'delete', 'prod'], { answers: ['y'] });
    expect(terrane.clusters).toHaveLength(0);
    expect((await terrane.run(['get', 'pods'])).stderr).toContain('terrane cluster create NAME');
  });
});

test('kubeconfig names the https URL, the authority and a token of its own', async () => {
  const config = parse(await terrane.must(['kubeconfig'])) as { clusters: object[]; users: object[] };
  expect(config.clusters).toEqual([
    {
      name: 'terrane-prod',
      cluster: {
        server: 'https://terrane.test:7443/clusters/x',
        'certificate-authority-data': Buffer.from('PEM').toString('base64'),
      },
    },
  ]);
  expect(config.users).toEqual([{ name: 'terrane-prod', user: { token: 'trn_new_secret_crc' } }]);
  const file = join(terrane.directory, 'kubeconfig');
  await terrane.must(['kubeconfig', '--out', file]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(parse(await readFile(file, 'utf8'))).toEqual(config);
});

describe('node', () => {
  test('list, cordon, uncordon', async () => {
    await addNode('left', 'True');
    expect(await terrane.must(['node', 'list'])).toMatch(/^NAME +STATUS .*\nleft +Ready/);
    await terrane.must(['node', 'cordon', 'left']);
    expect((await node('left')).spec?.unschedulable).toBe(true);
    expect(await terrane.must(['node', 'list'])).toContain('SchedulingDisabled');
    await terrane.must(['node', 'uncordon', 'left']);
    expect((await node('left')).spec?.unschedulable).toBeUndefined();
    expect(await terrane.run(['node', 'cordon', 'nope'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"nope" not found'),
    });
  });

  test('label shows, sets and takes away labels', async () => {
    await addNode('left', 'True');
    expect(await terrane.must(['node', 'label', 'left', 'disk=ssd', 'gpu='])).toMatch(/^disk=ssd\ngpu=\n/m);
    expect(await terrane.must(['node', 'label', 'left', 'gpu-', 'disk=hdd'])).not.toContain('gpu');
    expect((await node('left')).metadata.labels).toMatchObject({ disk: 'hdd' });
    expect(await terrane.must(['node', 'label', 'left'])).toContain('disk=hdd\n');
    expect(await terrane.run(['node', 'label', 'left', 'disk'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('KEY=VALUE sets one'),
    });
    expect(await terrane.run(['node', 'label', 'left', 'disk=no spaces'])).toMatchObject({ code: 1 });
  });

  test('drain evicts what runs there, waits until it is gone, and leaves the node cordoned', async () => {
    await addNode('left', 'True');
    await addPod('here', 'left');
    await addPod('there', 'right');
    const draining = terrane.run(['node', 'drain', 'left', '--json']);
    // What the host does when it is told to end a pod: it says that nothing is left.
    const ended = await endPods();
    const { code, stdout } = await draining;
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({ code: 0, node: 'left', evicted: ['default/here'], units: [] });
    expect(ended).toEqual(['here']);
    expect((await node('left')).spec?.unschedulable).toBe(true);
  });

  test('drain refuses to lose pods that nothing brings back, before it changes anything', async () => {
    await addNode('left', 'True');
    await addPod('alone', 'left', false);
    expect(await terrane.run(['node', 'drain', 'left'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/default\/alone\n.*--force/),
    });
    expect((await node('left')).spec?.unschedulable).toBeUndefined();
    expect((await terrane.run(['node', 'drain', 'nope'])).code).toBe(1);
  });

  test('remove asks, and revokes the key through the accounts API', async () => {
    expect((await terrane.run(['node', 'remove', 'left'])).code).toBe(2);
    await terrane.must(['node', 'remove', 'left', '--yes']);
    expect(terrane.requests.at(-1)).toBe('DELETE /v1/nodes/left?cluster=x');
  });
});

/** Plays the host for the first pods that are being deleted; their names. */
function endPods(): Promise<string[]> {
  return eventually('pods are being deleted', async () => {
    const { items } = await terrane.kube.json<{ items: Node[] }>('GET', PODS);
    const ending = items.filter(({ metadata }) => metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
    if (ending.length === 0) throw new Error('none is');
    for (const name of ending) await terrane.kube.json('DELETE', `${PODS}/${name}`, { gracePeriodSeconds: 0 });
    return ending;
  });
}

describe('status', () => {
  test('an empty cluster says what to do first', async () => {
    const text = await terrane.must(['status']);
    expect(text).toContain('No node has joined: terrane token create --kind join');
    expect(text).toContain('Nothing runs yet: terrane apply -f FILE');
  });

  test('says what is wrong and why', async () => {
    await addNode('good', 'True');
    await addNode('bare', 'False', 'DockerUnavailable', 'no engine answers at /run/docker.sock');
    await addPod('lone', 'bare', false);
    const text = await terrane.must(['status']);
    expect(text).toMatch(/^cluster prod of acme at .*: something is wrong\n/);
    expect(text).toMatch(/bare +NotReady +1 +DockerUnavailable: no engine answers at \/run\/docker\.sock/);
    expect(text).toMatch(/pod default\/lone +0\/1 +Pending/);
    expect(JSON.parse(await terrane.must(['status', '--json']))).toMatchObject({
      cluster: 'prod',
      healthy: false,
      nodes: [
        { name: 'bare', state: 'NotReady' },
        { name: 'good', state: 'Ready' },
      ],
    });
  });
});
