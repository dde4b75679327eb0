import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sendParts } from '../../../agent/uplink/send-parts.ts';
import type { SignedClient, SignedRequest } from '../../../agent/uplink/signed-client.ts';
import { STREAM_STATUS_HEADER } from '../../../core/node/push.ts';
import { decodeResponse, encodeRequest } from '../../../core/etcd/protobuf/index.ts';
import { putOf } from '../../../core/etcd/testing/requests.ts';
import { decodeForwardedAnswer, decodeSnapshotPage, decodeTail, encodeCalls } from '../../../core/node/kv.ts';
import { dynamoWakes } from '../../../store/wakes.ts';
import { eventually } from '../../support/eventually.ts';
import { type HostedInstallation, hostedInstallation } from '../../support/lambda/hosted-installation.ts';
import { ask, hostAt, runningPod } from '../../support/lambda/visitors.ts';
import { webDeployment } from '../../support/web-deployment.ts';

const SYNTH_MS = 180_000;
const STEP_MS = 60_000;

let hosted: HostedInstallation;

beforeAll(async () => {
  hosted = await hostedInstallation();
}, SYNTH_MS);

afterAll(async () => {
  await hosted?.stop();
}, STEP_MS);

/** One story in order: each part begins where the one before it ended. */
describe('the hosted service, by its own bundles', () => {
  let token = '';
  let tenant = '';
  let cluster = '';
  let kube = '';
  let host: ReturnType<typeof hostAt>;
  let push: Awaited<ReturnType<typeof host.connect>>;
  const pods = async () =>
    (await ask(`${kube}/api/v1/namespaces/default/pods`, 'GET', token)).json.items as { spec: { nodeName?: string } }[];

  test(
    'signs a person up, and lets them make a cluster once they proved their address',
    async () => {
      const account = { email: 'ada@example.com', password: 'correct horse battery', organisation: 'Analytical' };
      const signedUp = await ask(`${hosted.url}/v1/signup`, 'POST', undefined, account);
      expect(signedUp).toMatchObject({ status: 201 });
      token = signedUp.json.token as string;
      tenant = signedUp.json.organisation.id as string;
      expect(await ask(`${hosted.url}/v1/clusters`, 'POST', token, { name: 'prod' })).toMatchObject({ status: 403 });

      const mail = hosted.services.mails.find(({ to }) => to === 'ada@example.com');
      expect(mail?.from).toBe('terrane@example.com');
      // Links lead to where the person came in, which the function learns from CloudFront only.
      expect(mail?.text).toContain(`https://${new URL(hosted.url).host}/verify#trn_verify_`);
      const secret = /#(trn_\w+)/.exec(mail!.text)![1]!;
      expect(await ask(`${hosted.url}/v1/verify`, 'POST', undefined, { token: secret })).toMatchObject({ status: 200 });

      const made = await ask(`${hosted.url}/v1/clusters`, 'POST', token, { name: 'prod' });
      expect(made).toMatchObject({ status: 201 });
      cluster = made.json.id as string;
      kube = `${hosted.url}/clusters/${cluster}`;
    },
    STEP_MS,
  );

  test(
    'joins a host, connects it, and makes its node from the first report, woken by the stream',
    async () => {
      const join = await ask(`${hosted.url}/v1/tokens`, 'POST', token, { kind: 'join', cluster });
      expect(join).toMatchObject({ status: 201 });
      host = hostAt(hosted.url);
      expect((await host.join(join.json.secret as string, 'metal-1')).status).toBe(200);
      push = await host.connect();
      expect((await host.report()).status).toBe(200);
      await eventually('the node is Ready', async () => {
        const { json } = await ask(`${kube}/api/v1/nodes/metal-1`, 'GET', token);
        const ready = json.status?.conditions?.find(({ type }: { type: string }) => type === 'Ready');
        expect(ready).toMatchObject({ status: 'True' });
      });
    },
    STEP_MS,
  );

  test(
    'places what was applied, hints the host over its connection, and shows the result in a watch',
    async () => {
      const watch = await fetch(`${kube}/apis/apps/v1/namespaces/default/deployments?watch=1`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const lines = watch.body!.pipeThrough(new TextDecoderStream());
      let seen = '';
      const reading = (async () => {
        for await (const chunk of lines) {
          seen += chunk;
          if (seen.includes('"availableReplicas":2')) return;
        }
      })();
      const before = push.messages.length;
      expect(await ask(`${kube}/apis/apps/v1/namespaces/default/deployments`, 'POST', token, webDeployment(2))).toMatchObject({
        status: 201,
      });

      await eventually('a hint arrives', () => expect(push.messages.length).toBeGreaterThan(before));
      const assigned = await eventually('two pods are assigned', async () => {
        const { pods: given } = await host.assignment();
        expect(given).toHaveLength(2);
        return given;
      });
      expect(push.messages.at(-1)).toMatchObject({ type: 'hint', revision: expect.any(Number) });
      expect((await host.report(assigned.map(runningPod))).status).toBe(200);
      await reading;
      expect(seen).toContain('"availableReplicas":2');
    },
    STEP_MS,
  );

  test(
    'gives an operating system its update, and keeps the reboot lock',
    async () => {
      const issued = await ask(`${hosted.url}/v1/tokens`, 'POST', token, { kind: 'update', cluster });
      expect(issued).toMatchObject({ status: 201 });
      const create = async (plural: string, kind: string, name: string, spec: object) =>
        expect(
          await ask(`${kube}/apis/terrane.dev/v1/${plural}`, 'POST', token, {
            apiVersion: 'terrane.dev/v1',
            kind,
            metadata: { name },
            spec: { application: 'flatcar', ...spec },
          }),
        ).toMatchObject({ status: 201 });
      const files = [{ name: 'update.gz', size: 1, sha256: '0'.repeat(64) }];
      await create('updatepackages', 'UpdatePackage', 'os-2', { version: '2.0.0', url: 'https://files.example/', files });
      await create('updatechannels', 'UpdateChannel', 'stable', { packages: { amd64: 'os-2' } });
      await create('updategroups', 'UpdateGroup', 'os', { channel: 'stable' });

      // As update_engine does: what stands before the @ of its URL, and no User-Agent.
      const authorization = `Basic ${Buffer.from(`update:${issued.json.secret}`).toString('base64')}`;
      const omaha = async (machine: string) => {
        const app = `<app appid="flatcar" version="1.0.0" track="os" machineid="${machine}" board="amd64-usr"><updatecheck/></app>`;
        const body = `<request protocol="3.0">${app}</request>`;
        const response = await fetch(`${hosted.url}/v1/update/`, { method: 'POST', headers: { authorization }, body });
        return { status: response.status, text: await response.text() };
      };
      expect((await omaha('a')).text).toContain('<manifest version="2.0.0">');
      expect((await omaha('b')).text).toContain('noupdate');
      expect((await ask(`${kube}/updates/instances`, 'GET', token)).json.instances).toMatchObject([
        { id: 'a', status: 'granted', group: 'os' },
        { id: 'b', status: 'undefined' },
      ]);
      const lock = (id: string) =>
        fetch(`${hosted.url}/updates/${issued.json.secret}/v1/pre-reboot`, {
          method: 'POST',
          headers: { 'fleet-lock-protocol': 'true' },
          body: JSON.stringify({ client_params: { id, group: 'os' } }),
        });
      expect([(await lock('a')).status, (await lock('b')).status]).toEqual([200, 409]);
      expect((await fetch(`${hosted.url}/v1/update/`, { method: 'POST' })).status).toBe(401);

      // The process is warm, and learns of it all the same.
      expect(await ask(`${hosted.url}/v1/tokens/${issued.json.id}`, 'DELETE', token)).toMatchObject({ status: 204 });
      expect((await omaha('a')).status).toBe(401);
      expect((await lock('a')).status).toBe(401);
    },
    STEP_MS,
  );

  test(
    'lets a host follow the key-value store, tells it of commits, and carries out what its clients write, once',
    async () => {
      const etcd = `${kube}/etcd/v3`;
      const b64 = (text: string) => Buffer.from(text).toString('base64');
      const put = () => ask(`${etcd}/kv/put`, 'POST', token, { key: b64('k'), value: b64('v') });
      expect(await put()).toMatchObject({ status: 200 });
      const tail = async (after: number) => decodeTail(await host.bytes('GET', `/node/v1/kv/tail?after=${after}&watch=1`));
      expect(await tail(0)).toMatchObject({ entries: [{ sequence: 1 }], more: false });
      expect(await tail(1)).toMatchObject({ entries: [] });
      expect(decodeSnapshotPage(await host.bytes('GET', '/node/v1/kv/snapshot'))).toBeUndefined();

      expect(await put()).toMatchObject({ status: 200 });
      await eventually('the host is told', () => expect(push.messages).toContainEqual({ type: 'kv', sequence: 2 }));

      const request = encodeRequest('Put', putOf('k', 'by a host'));
      const call = encodeCalls({ after: 2, calls: [{ id: 'once', method: 'Put', token: '', request }] });
      for (let twice = 0; twice < 2; twice++) {
        const { outcomes } = decodeForwardedAnswer(await host.bytes('POST', '/node/v1/kv/calls', call));
        expect(outcomes).toMatchObject([{ code: 0 }]);
        const [outcome] = outcomes;
        expect('response' in outcome! && decodeResponse('Put', outcome.response).revision).toBe(4);
      }
      expect((await ask(`${etcd}/kv/range`, 'POST', token, { key: b64('k') })).json.kvs).toMatchObject([{ version: '3' }]);
    },
    STEP_MS,
  );

  test(
    'encrypts Secrets by KMS, decrypts them for the host whose pod needs them, and keeps them from the log',
    async () => {
      const password = 'open sesame, said Ali Baba';
      const secret = { metadata: { name: 'db' }, stringData: { password } };
      const encoded = Buffer.from(password).toString('base64');
      expect(await ask(`${kube}/api/v1/namespaces/default/secrets`, 'POST', token, secret)).toMatchObject({ status: 201 });
      const read = await ask(`${kube}/api/v1/namespaces/default/secrets/db`, 'GET', token);
      expect(read.json.data).toEqual({ password: encoded });
      expect(JSON.stringify((await host.assignment()).secrets)).not.toContain(encoded);

      const env = [{ name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }];
      const pod = { metadata: { name: 'reader' }, spec: { containers: [{ name: 'c', image: 'web:1', env }] } };
      expect(await ask(`${kube}/api/v1/namespaces/default/pods`, 'POST', token, pod)).toMatchObject({ status: 201 });
      await eventually('the host is given the Secret', async () => {
        expect((await host.assignment()).secrets).toMatchObject([{ data: { password: encoded } }]);
      });
      await ask(`${kube}/api/v1/namespaces/default/pods/reader?gracePeriodSeconds=0`, 'DELETE', token);

      expect(new Set(hosted.kms.calls)).toEqual(
        new Set(['GenerateDataKey', 'Decrypt'].map((action) => `${action} {"terrane:tenant":"${tenant}"}`)),
      );
      const { Items = [] } = await hosted.client.send(new ScanCommand({ TableName: 'tenant', ConsistentRead: true }));
      const bytes = Items.flatMap((item) => Object.values(item).flatMap(({ B }) => (B ? [Buffer.from(B)] : [])));
      const opened = bytes.map((one) => (one.length > 9 && one[0] === 1 ? inflateRawSync(one.subarray(9)) : one));
      expect(opened.some((one) => one.includes('"kind":"Secret"'))).toBe(true);
      expect(opened.some((one) => one.includes(encoded) || one.includes(password))).toBe(false);
      for (const pool of hosted.functions.values()) expect(pool.logs()).not.toContain(encoded);
    },
    STEP_MS,
  );

  test(
    'makes repositories in ECR, and lets hosts pull from them, and only from them, when they have to',
    async () => {
      const made = await ask(`${hosted.url}/v1/repositories`, 'POST', token, { name: 'web' });
      expect(made).toMatchObject({ status: 201 });
      const image = `${made.json.image as string}:v1`;
      const repository = `terrane-test/${tenant}/web`;
      expect(image).toContain(`.dkr.ecr.us-east-1.amazonaws.com/${repository}:v1`);
      expect([...hosted.ecr.repositories.keys()]).toEqual([repository]);
      const push = await ask(`${hosted.url}/v1/repositories/credentials`, 'POST', token, { access: 'push' });
      expect(hosted.ecr.allows(push.json.password as string, 'ecr:PutImage', repository)).toBe(true);

      expect(await host.assignment()).not.toHaveProperty('registries');
      const pod = { metadata: { name: 'own' }, spec: { containers: [{ name: 'c', image }] } };
      expect(await ask(`${kube}/api/v1/namespaces/default/pods`, 'POST', token, pod)).toMatchObject({ status: 201 });
      await eventually('the host is given credentials', async () => {
        const [credentials] = (await host.assignment()).registries ?? [];
        const { password = '' } = credentials ?? {};
        expect(hosted.ecr.allows(password, 'ecr:BatchGetImage', repository)).toBe(true);
        expect(hosted.ecr.allows(password, 'ecr:PutImage', repository)).toBe(false);
        expect(hosted.ecr.allows(password, 'ecr:BatchGetImage', 'terrane-test/other/web')).toBe(false);
      });
      await ask(`${kube}/api/v1/namespaces/default/pods/own?gracePeriodSeconds=0`, 'DELETE', token);
    },
    STEP_MS,
  );

  test(
    'keeps keys by the etcd gateway, and audits who changed the cluster',
    async () => {
      const key = Buffer.from('greeting').toString('base64');
      const value = Buffer.from('hello').toString('base64');
      expect(await ask(`${kube}/etcd/v3/kv/put`, 'POST', token, { key, value })).toMatchObject({ status: 200 });
      expect(await ask(`${kube}/etcd/v3/kv/range`, 'POST', token, { key })).toMatchObject({ json: { kvs: [{ key, value }] } });
      const { json } = await ask(`${hosted.url}/v1/audit`, 'GET', token);
      expect(JSON.stringify(json)).toMatch(/web/);
    },
    STEP_MS,
  );

  test(
    'shows what a container says, also while it says it, until the reader has had enough',
    async () => {
      const [first] = (await pods()) as unknown as { metadata: { name: string } }[];
      const url = `${kube}/api/v1/namespaces/default/pods/${first!.metadata.name}/log`;
      const asked = async () =>
        eventually('the host is asked', () => {
          // A hint may come after it.
          const message = push.messages.findLast(({ type }) => type === 'stream');
          if (message?.type !== 'stream') throw new Error(JSON.stringify(push.messages));
          expect(message).toMatchObject({ parts: true, request: { kind: 'logs', pod: first!.metadata.name } });
          return message.id;
        });
      /** By the agent's own code. */
      const answer = (id: string, output: Readable, signal = new AbortController().signal) => {
        const client = { send: ({ path, body }: SignedRequest) => host.sendBytes(path, body as Uint8Array) } as SignedClient;
        return sendParts(client, `/node/v1/streams/${id}`, output, signal);
      };

      push.messages.length = 0;
      const whole = ask(url, 'GET', token);
      const large = `${'one line\n'.repeat(60_000)}the end\n`;
      await answer(await asked(), Readable.from([Buffer.from(large)]));
      expect((await whole).json).toBe(large);

      push.messages.length = 0;
      const reader = new AbortController();
      const followed = await Promise.all([
        fetch(`${url}?follow=true`, { headers: { authorization: `Bearer ${token}` }, signal: reader.signal }),
        (async () => {
          const output = new PassThrough();
          const id = await asked();
          output.write('hello\n');
          return { id, output, sent: answer(id, output) };
        })(),
      ]);
      const [response, { id, output, sent }] = followed;
      const text = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const read = async (until: string) => {
        for (let seen = ''; !seen.includes(until); ) {
          const { value, done } = await text.read();
          if (done) throw new Error(`ended after ${seen}`);
          seen += value;
        }
      };
      await read('hello');
      output.write('and again\n');
      await read('and again');
      reader.abort();
      // That it is gone shows when more is written to it.
      await eventually('the host is told to stop', () => {
        output.write('nobody hears this\n');
        expect(push.messages).toContainEqual({ type: 'cancel', id });
      });
      output.write('nor this\n');
      await sent;

      push.messages.length = 0;
      const refused = ask(url, 'GET', token);
      const path = `/node/v1/streams/${await asked()}/0?last=1`;
      await host.sendBytes(path, Buffer.from('container "web" is waiting to start'), { [STREAM_STATUS_HEADER]: '400' });
      expect(await refused).toMatchObject({ status: 400, json: { message: expect.stringMatching(/is waiting to start/) } });
    },
    STEP_MS,
  );

  test(
    'does by the clock what the stream did not bring',
    async () => {
      hosted.stream.paused = true;
      const scaled = await ask(`${kube}/apis/apps/v1/namespaces/default/deployments/web`, 'PUT', token, webDeployment(3));
      expect(scaled).toMatchObject({ status: 200 });
      const wakes = dynamoWakes(hosted.client, 'identity');
      await wakes.set(tenant, cluster, Date.now() - 120_000);
      await hosted.tick();
      expect(await pods()).toHaveLength(3);
      expect((await wakes.due(Date.now() - 60_000, 10)).length).toBe(0);
      // The host must be heard of again: that is an alarm of its own.
      expect(await wakes.due(Date.now() + 600_000, 10)).toContainEqual({ tenant, cluster, at: expect.any(Number) });
      hosted.stream.paused = false;
    },
    STEP_MS,
  );

  test(
    'tells everyone what it is, and gives out the agent signed with the key it names',
    async () => {
      const { status, json } = await ask(`${hosted.url}/v1/info`, 'GET');
      expect({ status, json }).toMatchObject({
        status: 200,
        json: { manifestKey: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      });
      const built = existsSync(join(import.meta.dirname, '../../../dist/agent/manifest.json'));
      const script = await ask(`${hosted.url}/install.sh`, 'GET');
      expect(script.status).toBe(built ? 200 : 503);
      if (built) expect(script.json).toContain(json.manifestKey);
    },
    STEP_MS,
  );

  test(
    'believes nobody who goes round CloudFront',
    async () => {
      const event = {
        version: '2.0',
        rawPath: '/v1/me',
        rawQueryString: '',
        headers: { authorization: `Bearer ${token}`, 'x-terrane-host': 'elsewhere.example', 'x-terrane-origin': 'guessed' },
        requestContext: { http: { method: 'GET' }, requestId: '1' },
        isBase64Encoded: false,
      };
      const answer = await hosted.functions.get('node')!.call(event);
      expect(answer).toMatchObject({ statusCode: 404 });
    },
    STEP_MS,
  );

  test(
    'shuts a removed host out: its connection ends, its key is refused',
    async () => {
      expect(await ask(`${hosted.url}/v1/nodes/metal-1?cluster=${cluster}`, 'DELETE', token)).toMatchObject({ status: 204 });
      await eventually('the connection is closed', () => expect(push.isClosed()).toBe(true));
      expect((await host.report()).status).toBe(401);
      await expect(host.connect()).rejects.toThrow(/401/);
    },
    STEP_MS,
  );

  test('made no call that AWS would have refused', () => {
    expect(hosted.services.refused).toEqual([]);
    expect(hosted.denied).toEqual([]);
  });
});
