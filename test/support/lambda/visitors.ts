import { generateKeyPairSync } from 'node:crypto';
import WebSocket from 'ws';
import type { Assignment } from '../../../core/node/assignment.ts';
import { rawPublicKey, signRequest } from '../../../core/node/http-signature.ts';
import type { PushMessage } from '../../../core/node/push.ts';
import type { PodReport } from '../../../core/node/report.ts';
import type { Pod, PodStatus } from '../../../core/resources/schema/pod.ts';

/** A JSON request as tools make them. Answers what came, whatever its status. */
// oxlint-disable-next-line typescript/no-explicit-any -- answers are asserted on, not used
export async function ask(url: string, method: string, token?: string, body?: unknown): Promise<{ status: number; json: any }> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text };
}

/** A host that does what an agent does, by hand. */
export function hostAt(server: string) {
  const { privateKey } = generateKeyPairSync('ed25519');
  const keyId = rawPublicKey(privateKey);
  const authority = new URL(server).host;

  const signed = (method: string, path: string, body?: string | Uint8Array) =>
    signRequest(
      { method, url: `${server}${path}`, headers: { host: authority }, ...(body !== undefined && { body }) },
      { keyId, privateKey, created: Date.now() },
    );

  async function send(method: string, path: string, body?: unknown): Promise<Response> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = new Headers(signed(method, path, text));
    headers.delete('host');
    if (text !== undefined) headers.set('content-type', 'application/json');
    return fetch(`${server}${path}`, { method, headers, ...(text !== undefined && { body: text }) });
  }

  return {
    send,
    /** What isn't JSON. Throws unless it is answered 200. */
    async bytes(method: string, path: string, body?: Uint8Array): Promise<Buffer> {
      const headers = new Headers(signed(method, path, body));
      headers.delete('host');
      const response = await fetch(`${server}${path}`, { method, headers, ...(body && { body: Buffer.from(body) }) });
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return Buffer.from(await response.arrayBuffer());
    },
    join: (token: string, name: string) => send('POST', '/node/v1/join', { token, publicKey: keyId, name }),
    report: (pods: readonly PodReport[] = []) => send('POST', '/node/v1/report', reportOf(pods)),
    async assignment(): Promise<Assignment> {
      const response = await send('GET', '/node/v1/assignment');
      if (response.status !== 200) throw new Error(`assignment: ${response.status} ${await response.text()}`);
      return (await response.json()) as Assignment;
    },
    /** As the agent's client sends bytes. */
    async sendBytes(path: string, body: Uint8Array, more: Readonly<Record<string, string>> = {}) {
      const request = { method: 'POST', url: `${server}${path}`, headers: { host: authority }, body };
      const headers = new Headers(signRequest(request, { keyId, privateKey, created: Date.now() }));
      headers.delete('host');
      for (const [name, value] of Object.entries(more)) headers.set(name, value);
      const response = await fetch(`${server}${path}`, { method: 'POST', headers, body: Buffer.from(body) });
      return { status: response.status, headers: {}, body: await response.text() };
    },
    /** The push connection, and what came over it. */
    async connect() {
      const path = '/node/v1/push';
      const headers = Object.fromEntries(new Headers(signed('GET', path)));
      delete headers['host'];
      const socket = new WebSocket(`${server.replace(/^http/, 'ws')}${path}`, { headers });
      const messages: PushMessage[] = [];
      let closed = false;
      socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString('utf8')) as PushMessage));
      socket.on('close', () => {
        closed = true;
      });
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      });
      return { messages, isClosed: () => closed, close: () => socket.close() };
    },
  };
}

/** A host that is ready stays so: its next report says nothing new. */
const BOOTED = new Date().toISOString();

function reportOf(pods: readonly PodReport[]) {
  const heartbeat = new Date().toISOString();
  return {
    agentVersion: '0.1.0',
    bootId: 'boot-1',
    observedRevision: 0,
    labels: { 'kubernetes.io/hostname': 'metal-1' },
    events: [],
    pods,
    node: {
      capacity: { cpu: '4', memory: '8Gi', pods: '110' },
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'AgentReady',
          message: 'ready',
          lastHeartbeatTime: heartbeat,
          lastTransitionTime: BOOTED,
        },
      ],
    },
  };
}

/** What a host reports of a pod that runs. */
export function runningPod({ metadata, spec }: Pod): PodReport {
  const at = new Date().toISOString();
  const status: PodStatus = {
    phase: 'Running',
    podIP: '10.0.0.9',
    startTime: at,
    conditions: [
      { type: 'Ready', status: 'True', lastTransitionTime: BOOTED },
      { type: 'ContainersReady', status: 'True', lastTransitionTime: BOOTED },
    ],
    containerStatuses: spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: at } },
      lastState: {},
    })),
  };
  return { namespace: metadata.namespace!, name: metadata.name, uid: metadata.uid!, status };
}
