import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ask } from '../lambda/visitors.ts';

/** An embedded control plane in a process of its own, whose clock the test moves on, and hosts that ask it for updates over HTTP. */
export interface ServedUpdates {
  readonly url: string;
  /** Of the person. */
  readonly token: string;
  readonly cluster: string;
  /** For hosts. */
  readonly updateToken: string;
  /** A request of the person's. */
  account(method: string, path: string, body?: unknown): ReturnType<typeof ask>;
  /** The same below the cluster. */
  kube(method: string, path: string, body?: unknown): ReturnType<typeof ask>;
  create(kind: 'UpdatePackage' | 'UpdateChannel' | 'UpdateGroup', name: string, spec: object): Promise<void>;
  /** What the server's clock says moves on by so many ms. */
  move(ms: number): Promise<void>;
  /** One host's Omaha request; answers the version that it is given, if it is. */
  omaha(host: string, version: string, group: string, content: string): Promise<string | undefined>;
  /** Status of the answer. */
  fleetLock(call: 'pre-reboot' | 'steady-state', id: string, group: string): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
}

export const CHECK = '<ping active="1"/><updatecheck/>';
export const STEPS = ['13" eventresult="1', '14" eventresult="1', '3" eventresult="1'].map(
  (step) => `<event eventtype="${step}"/>`,
);
export const rebooted = (from: string): string => `<event eventtype="3" eventresult="2" previousversion="${from}"/>`;
export const FAILED = '<event eventtype="3" eventresult="0" errorcode="268435465"/>';

export async function serveUpdates(): Promise<ServedUpdates> {
  const data = mkdtempSync(join(tmpdir(), 'terrane-updates-'));
  const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'server.ts'), data], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  createInterface({ input: server.stderr }).on('line', (line) => log.push(line));
  const lines = createInterface({ input: server.stdout });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const nextLine = () =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      lines.once('line', (line) => resolve(JSON.parse(line) as Record<string, unknown>));
      void exited.then(() => reject(new Error(`the server ended:\n${log.slice(-20).join('\n')}`)));
    });
  const stop = async () => {
    server.kill('SIGTERM');
    await exited;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const url = String((await nextLine())['http']);
    const account = { email: 'updates@example.com', password: 'correct horse battery', organisation: 'Updates' };
    const token = (await ask(`${url}/v1/signup`, 'POST', undefined, account)).json.token as string;
    const cluster = (await ask(`${url}/v1/clusters`, 'POST', token, { name: 'updates' })).json.id as string;
    const made = await ask(`${url}/v1/tokens`, 'POST', token, { kind: 'update', cluster });
    const updateToken = made.json.secret as string;
    const kube = (method: string, path: string, body?: unknown) => ask(`${url}/clusters/${cluster}${path}`, method, token, body);
    return {
      url,
      account: (method, path, body) => ask(`${url}${path}`, method, token, body),
      token,
      cluster,
      updateToken,
      kube,
      stop,
      async create(kind, name, spec) {
        const body = { apiVersion: 'terrane.dev/v1', kind, metadata: { name }, spec: { application: 'flatcar', ...spec } };
        const answer = await kube('POST', `/apis/terrane.dev/v1/${kind.toLowerCase()}s`, body);
        if (answer.status !== 201) throw new Error(`${kind} ${name}: ${answer.status} ${JSON.stringify(answer.json)}`);
      },
      async move(ms) {
        const moved = nextLine();
        server.stdin.write(`${ms}\n`);
        await moved;
      },
      async omaha(host, version, group, content) {
        const app = `<app appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}" version="${version}" track="${group}" machineid="${host}" board="amd64-usr">${content}</app>`;
        const body = `<request protocol="3.0"><os platform="CoreOS"/>${app}</request>`;
        const authorization = `Basic ${Buffer.from(`update:${updateToken}`).toString('base64')}`;
        const response = await fetch(`${url}/v1/update/`, { method: 'POST', headers: { authorization }, body });
        const text = await response.text();
        if (response.status !== 200) throw new Error(`omaha ${host}: ${response.status} ${text}`);
        return /<manifest version="([^"]+)"/.exec(text)?.[1];
      },
      async fleetLock(call, id, group) {
        const response = await fetch(`${url}/updates/${updateToken}/v1/${call}`, {
          method: 'POST',
          headers: { 'fleet-lock-protocol': 'true' },
          body: JSON.stringify({ client_params: { id, group } }),
        });
        return { status: response.status, text: await response.text() };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
