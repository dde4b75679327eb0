import { beforeEach, describe, expect, test } from '@jest/globals';
import { createResource, updateResource } from '../../../../core/resources/write.ts';
import { SLEEPER, unitHost } from '../../../../test/support/units.ts';
import { type KubeHarness, kubeHarness } from '../testing/harness.ts';

const UNITS = '/apis/terrane.dev/v1/units';
const EXEC = `${UNITS}/a.service/exec`;
const COMMAND = { command: ['df', '-h'] };

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
  const spec = { contents: SLEEPER, desiredState: 'launched' } as const;
  await kube.commit((txn) => {
    createResource(txn, 'Unit', { metadata: { name: 'nowhere.service' }, spec }, kube.ctx);
    for (const [name, hosts] of [
      ['a.service', ['n1']],
      ['everywhere.service', ['n1', 'n2']],
    ] as const) {
      const made = createResource(txn, 'Unit', { metadata: { name }, spec }, kube.ctx);
      const status = { hosts: hosts.map((host) => unitHost(host)) };
      updateResource(txn, { ...made, status }, kube.ctx, { subresource: 'status' });
    }
  });
});

describe('exec', () => {
  test('runs the command on the host of the unit, and is audited', async () => {
    kube.answerLogs({ ok: true, body: new Response('frames').body as ReadableStream<Uint8Array> });
    const response = await kube.request('POST', EXEC, COMMAND);
    expect([response.headers.get('content-type'), await response.text()]).toEqual([
      'application/vnd.terrane.exec-frames',
      'frames',
    ]);
    expect(kube.asked).toEqual([
      { node: 'n1', request: { kind: 'exec', unit: 'a.service', command: ['df', '-h'], timeoutSeconds: 3600 } },
    ]);
    expect(kube.writes).toMatchObject([{ verb: 'create', kind: 'Unit', subresource: 'exec', name: 'a.service', host: 'n1' }]);
  });

  test('is audited as well when the host does not answer: it may have run the command', async () => {
    kube.answerLogs({ ok: false, status: 504, message: 'node n1 did not answer within 10 s' });
    expect((await kube.refused('POST', EXEC, COMMAND)).code).toBe(504);
    expect(kube.writes).toMatchObject([{ subresource: 'exec', name: 'a.service' }]);
  });

  test.each(['editor', 'viewer'] as const)('is not for an %s, and no host is asked', async (role) => {
    kube.as(role);
    expect(await kube.refused('POST', EXEC, COMMAND)).toMatchObject({ code: 403, message: expect.stringContaining(role) });
    expect([kube.asked, kube.writes]).toEqual([[], []]);
  });

  test.each([
    ['of a unit that is not there', `${UNITS}/b.service/exec`, COMMAND, 404, 'not found'],
    ['of a unit on no host', `${UNITS}/nowhere.service/exec`, COMMAND, 400, 'terrane unit status nowhere.service says why'],
    ['of a unit on several', `${UNITS}/everywhere.service/exec`, COMMAND, 400, 'choose one of n1, n2'],
    ['on a host that does not have it', `${EXEC}?host=n2`, COMMAND, 400, 'it is on n1'],
    ['without a command', EXEC, { command: [] }, 400, "the command can't be read"],
    ['with a NUL', EXEC, { command: ['a\0b'] }, 400, 'may hold no NUL'],
    ['for longer than a day', EXEC, { ...COMMAND, timeoutSeconds: 86_401 }, 400, 'timeoutSeconds'],
  ])('is refused %s, and no host is asked', async (_, path, body, code, message) => {
    expect(await kube.refused('POST', path, body)).toMatchObject({ code, message: expect.stringContaining(message) });
    expect([kube.asked, kube.writes]).toEqual([[], []]);
  });
});

describe('journal', () => {
  test('is asked of the host that is named, by whoever may read', async () => {
    kube.as('viewer');
    kube.answerLogs({ ok: true, body: new Response('a line\n').body as ReadableStream<Uint8Array> });
    const path = `${UNITS}/everywhere.service/journal?host=n2&follow=true&lines=3&since=2026-01-02T03:04:05Z`;
    expect(await (await kube.request('GET', path)).text()).toBe('a line\n');
    const request = { kind: 'journal', unit: 'everywhere.service', output: 'short', follow: true, lines: 3 };
    expect(kube.asked).toEqual([{ node: 'n2', request: { ...request, since: '2026-01-02T03:04:05.000Z' } }]);
  });

  test.each([
    ['output=export', 'output must be one of'],
    ['since=yesterday', 'since must be a time'],
    ['lines=-1', 'lines must be'],
  ])('refuses %s', async (query, message) => {
    const refused = await kube.refused('GET', `${UNITS}/a.service/journal?${query}`);
    expect(refused).toMatchObject({ code: 400, message: expect.stringContaining(message) });
    expect(kube.asked).toEqual([]);
  });
});
