import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Hono } from 'hono';
import type { ClusterView, LoginView, TokenView } from '../../../core/accounts/api.ts';
import { rawPublicKey, signRequest } from '../../../core/node/http-signature.ts';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import type { Mail } from '../../../core/ports/mailer.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { createAccounts } from '../../../functions/api/accounts/create-accounts.ts';
import { authenticate } from '../../../functions/api/auth/authenticate.ts';
import { requireCluster } from '../../../functions/api/auth/require-cluster.ts';
import type { ApiEnv } from '../../../functions/context.ts';
import { onError } from '../../../functions/on-error.ts';
import { type Accounts, type AccountsOptions, openAccounts } from '../../../store/accounts/accounts.ts';
import { createTables, dynamoClient, EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { startDynoxide } from '../../../store/dynoxide.ts';

// Each test is some dozen transactions on a real store: on a busy machine that takes longer than Jest's five seconds.
jest.setTimeout(120_000);

export const PASSWORD = 'correct horse battery';
const HOST = 'terrane.test';

export type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- answers are asserted on, not used

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Json;
}

/** A real store and the real HTTP app over it; the clock is moved by hand, the mail is read here. */
export type World = Awaited<ReturnType<typeof openWorld>>;

export async function openWorld(options: Partial<AccountsOptions> = {}, loginProviders: readonly LoginProvider[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-accounts-'));
  const dynoxide = await startDynoxide({ dataDir: directory, log: silentLogger });
  const client = dynamoClient({ endpoint: dynoxide.endpoint });
  await createTables(client);
  const clock = { at: 1_800_000_000_000, now: () => clock.at };
  const mails: Mail[] = [];
  let failMails = 0;
  const logged: string[] = [];
  const note = (message: string, fields?: Record<string, unknown>) => void logged.push(message + JSON.stringify(fields ?? {}));
  const log = { info: note, warn: note, error: note };
  const bootstrapped: string[] = [];
  const forgotten: string[] = [];
  const revoked: string[] = [];
  const accounts = openAccounts({
    client,
    tables: EMBEDDED_TABLES,
    clock,
    mailer: {
      async send(mail) {
        if (failMails-- > 0) throw new Error('no mail today');
        mails.push(mail);
      },
    },
    log,
    publicUrl: () => 'https://terrane.test',
    // Cheap, or the suite would only hash passwords.
    passwordCosts: { argon2id: { memoryKib: 64, passes: 1, parallelism: 1 }, scrypt: { logN: 8, r: 8, p: 1 } },
    rateLimits: { signupPerIp: { burst: 1000, refillMs: 1 } },
    hooks: {
      onClusterDeleted: async (_tenant, cluster) => void forgotten.push(cluster),
      onClusterCreated: async (_tenant, cluster) => void bootstrapped.push(cluster),
      onNodeRevoked: async (_tenant, _cluster, nodeName) => void revoked.push(nodeName),
    },
    ...options,
  });
  const nodeResources = new Set<string>();
  const app = new Hono<ApiEnv>();
  app.onError(onError({ log }));
  app.use(async (c, next) => {
    c.set('requestId', randomUUID());
    await next();
  });
  app.route(
    '/',
    createAccounts({
      accounts,
      info: () => ({ version: '0.0.0', url: 'https://terrane.test', ca: 'PEM', manifestKey: 'f00' }),
      clientIp: (c) => c.req.header('x-test-ip') ?? '192.0.2.1',
      deleteNode: async (_tenant, _cluster, name) => nodeResources.delete(name),
      resources: async function* () {
        yield { kind: 'Test' };
      },
      loginProviders: async () => loginProviders,
      log,
    }),
  );
  app.use('/clusters/:cluster/*', authenticate({ accounts }), requireCluster({ accounts }));
  app.all('/clusters/:cluster/*', (c) => c.json(c.var.cluster));

  /** One request; `as` is a token. */
  async function call(
    method: string,
    path: string,
    request: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { as, body, headers } = request;
    const response = await app.request(`https://${HOST}${path}`, {
      method,
      headers: {
        host: HOST,
        ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, text, json: isJson ? (JSON.parse(text) as Json) : {} };
  }

  let people = 0;

  return {
    accounts,
    client,
    clock,
    mails,
    logged,
    fetch: app.fetch,
    bootstrapped,
    forgotten,
    revoked,
    nodeResources,
    call,
    /** The next mail can't be sent. */
    failMail() {
      failMails = 1;
    },
    /** Fails the test unless the answer has this status. */
    async expectStatus(status: number, ...request: Parameters<typeof call>): Promise<Answer> {
      const answer = await call(...request);
      if (answer.status !== status) throw new Error(`${request[0]} ${request[1]}: ${answer.status} ${answer.text}`);
      return answer;
    },
    /** A new person with an organisation of their own. */
    async person(email = `p${++people}-${randomUUID().slice(0, 8)}@example.com`) {
      const answer = await call('POST', '/v1/signup', {
        body: { email, password: PASSWORD, organisation: `Org of ${email.split('@')[0]}` },
      });
      if (answer.status !== 201) throw new Error(answer.text);
      const view = answer.json as LoginView;
      return { email, token: view.token!, userId: view.user.id, tenant: view.organisation.id };
    },
    async cluster(as: string, name = `c-${randomUUID().slice(0, 8)}`): Promise<ClusterView> {
      const answer = await call('POST', '/v1/clusters', { as, body: { name } });
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.json as ClusterView;
    },
    async token(as: string, body: Json): Promise<TokenView & { secret: string }> {
      const answer = await call('POST', '/v1/tokens', { as, body });
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.json as TokenView & { secret: string };
    },
    /** The one-time secret in the last mail to this address. */
    mailedSecret(to: string): string {
      const text = mails.findLast((mail) => mail.to === to)?.text ?? '';
      return /trn_\w+/.exec(text)?.[0] ?? '';
    },
    async close() {
      client.destroy();
      await dynoxide.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A host's key pair, and how it signs. */
export function newHost() {
  const { privateKey } = generateKeyPairSync('ed25519');
  return hostWith(privateKey);
}

function hostWith(privateKey: KeyObject) {
  const publicKey = rawPublicKey(privateKey);
  return {
    publicKey,
    key: { keyId: publicKey, privateKey },
    joinBody: (token: string, name = 'web') => ({ token, publicKey, name }),
    /** A signed request to the node API. */
    request(method: string, path: string, created: number, body?: unknown, headers: Record<string, string> = {}): Request {
      const url = `https://${HOST}${path}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const signed = signRequest(
        { method, url, ...(text === undefined ? {} : { body: text }), headers: { host: HOST, ...headers } },
        { keyId: publicKey, privateKey, created },
      );
      return new Request(url, { method, headers: signed, ...(text === undefined ? {} : { body: text }) });
    },
  };
}

/** Joins without HTTP: the operation itself. */
export function joinDirectly(accounts: Accounts, token: string, name = 'web', host = newHost()) {
  return accounts.join(host.joinBody(token, name), { ip: '192.0.2.9' });
}
