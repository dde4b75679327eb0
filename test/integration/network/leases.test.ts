import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Event } from '../../../core/resources/schema/event.ts';
import type { Network } from '../../../core/resources/schema/network.ts';
import { eventually } from '../../support/eventually.ts';
import { ask } from '../../support/lambda/visitors.ts';
import { SimulatedAgent } from '../../support/load/simulated-agent.ts';
import { Timings } from '../../support/load/timings.ts';

/** Leases against a real server and its store: who joins at the same moment, and who types something wrong. */

const HOSTS = 30;
/** Room for 24: 10.9.0.4/30 to 10.9.0.96/30. */
const SMALL = { network: '10.9.0.0/25', hostPrefix: 30, lastSubnet: '10.9.0.96', backend: { type: 'vxlan' } };
const PATH = '/apis/terrane.dev/v1/networks';

describe('a small network', () => {
  const data = mkdtempSync(join(tmpdir(), 'terrane-leases-'));
  const agents: SimulatedAgent[] = [];
  let server: ChildProcess;
  let url: string;
  let token: string;
  let cluster: string;

  beforeAll(async () => {
    server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, '../../support/load/server.ts'), data], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    url = await new Promise<string>((resolve) => {
      createInterface({ input: server.stdout! }).on('line', (line) => {
        if (line.startsWith('{"http":')) resolve((JSON.parse(line) as { http: string }).http);
      });
    });
    const account = { email: 'leases@example.com', password: 'correct horse battery', organisation: 'Leases' };
    token = (await ask(`${url}/v1/signup`, 'POST', undefined, account)).json.token as string;
    cluster = (await ask(`${url}/v1/clusters`, 'POST', token, { name: 'small' })).json.id as string;
  }, 60_000);
  afterAll(async () => {
    for (const agent of agents) agent.stop();
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill();
    await ended;
    rmSync(data, { recursive: true, force: true });
  });

  const kube = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) =>
    ask(`${url}/clusters/${cluster}${path}`, method, token, body);
  const network = (spec: object, name = 'default') => ({
    apiVersion: 'terrane.dev/v1',
    kind: 'Network',
    metadata: { name },
    spec,
  });
  const readNetwork = async () => (await kube('GET', `${PATH}/default`)).json as unknown as Network;

  test.each([
    ['too small', { network: '10.0.0.0/30' }, 'too small'],
    ['IPv6', { network: 'fd00::/48', backend: { type: 'vxlan' } }, 'the backend vxlan carries IPv4 only'],
    [
      'a backend that nobody knows',
      { backend: { type: 'geneve' } },
      'supported values: \\"wireguard\\", \\"vxlan\\", \\"host-gw\\", \\"none\\"',
    ],
    ["another's option", { backend: { type: 'host-gw', port: 1 } }, 'the backend host-gw has no such option'],
    ['a field that there is not', { netwrok: '10.0.0.0/16' }, 'netwrok'],
    ["flannel's udp", { flannelConfig: '{"Network":"10.5.0.0/16","Backend":{"Type":"udp"}}' }, 'use vxlan'],
  ])('%s is refused, and says why', async (_, spec, why) => {
    const { status, json } = await kube('POST', PATH, network(spec));
    expect([400, 422]).toContain(status);
    expect(JSON.stringify(json)).toContain(why);
  });

  test('a second network is refused: a cluster has one', async () => {
    const { status, json } = await kube('POST', PATH, network({}, 'other'));
    expect(status).toBe(422);
    expect(JSON.stringify(json)).toContain("must be 'default': a cluster has one network");
  });

  test('that thirty hosts join at once gives each its own subnet, and tells those for whom there is none', async () => {
    expect((await kube('POST', PATH, network(SMALL))).status).toBe(201);
    const { json } = await ask(`${url}/v1/tokens`, 'POST', token, { kind: 'join', cluster, uses: HOSTS });
    const timings = new Timings();
    for (let index = 0; index < HOSTS; index++) agents.push(new SimulatedAgent(`host-${index}`, new URL(url), timings, []));
    await Promise.all(
      agents.map(async (agent) => {
        await agent.join(json.secret as string);
        agent.start();
      }),
    );
    await eventually(
      'every host knows',
      () => {
        for (const { assignment } of agents) expect(assignment?.network?.subnet ?? assignment?.network?.problem).toBeDefined();
        expect(agents.filter(({ assignment }) => assignment?.network?.subnet)).toHaveLength(24);
      },
      { timeoutMs: 60_000 },
    );
    const subnets = agents.flatMap(({ assignment }) => assignment?.network?.subnet ?? []);
    expect(new Set(subnets).size).toBe(24);
    const told = agents.find(({ assignment }) => assignment?.network?.problem)!.assignment!.network!.problem!;
    expect(told.reason).toBe('NetworkFull');
    expect(told.message).toContain('room for 24 hosts');
    const { status } = await readNetwork();
    expect(status).toMatchObject({ capacity: 24, leased: 24 });
    expect(status!.waiting).toHaveLength(6);
    const events = (await kube('GET', '/api/v1/namespaces/default/events')).json.items as Event[];
    const explained = events.filter(({ reason }) => reason === 'NetworkFull').map(({ involvedObject }) => involvedObject.name);
    expect(new Set(explained)).toEqual(new Set(status!.waiting));
  }, 120_000);

  test('a host that is removed makes room for one that waits', async () => {
    const [next] = (await readNetwork()).status!.waiting!;
    const gone = agents.find(({ assignment }) => assignment?.network?.subnet)!;
    gone.stop();
    expect((await kube('DELETE', `/api/v1/nodes/${gone.name}`)).status).toBeLessThan(300);
    await eventually(
      'it has a subnet',
      () => expect(agents.find(({ name }) => name === next)?.assignment?.network?.subnet).toBeDefined(),
      { timeoutMs: 60_000 },
    );
  }, 90_000);

  test('a larger one gives everybody a subnet', async () => {
    const before = await readNetwork();
    const changed = await kube('PUT', `${PATH}/default`, { ...before, spec: { ...before.spec, lastSubnet: '10.9.0.124' } });
    expect(changed.status).toBe(200);
    await eventually('nobody waits', async () => expect((await readNetwork()).status?.waiting).toBeUndefined());
  });
});
