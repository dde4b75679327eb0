import { createSign, generateKeyPairSync, type KeyObject, randomBytes, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the ID token of the next log-in says, over what is right. `undefined` leaves a claim out. */
export type Claims = Readonly<Record<string, unknown>>;

export interface Forgery {
  readonly claims?: Claims;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs with this key, which the issuer doesn't publish. */
  readonly key?: KeyObject;
  /** No signature at all. */
  readonly unsigned?: boolean;
}

/**
 * An OpenID Connect issuer that can be told to lie, and GitHub's API beside it. That honest round trips work is shown against a real
 * issuer (test/e2e/oidc.test.ts); what a real one never does is shown here.
 */
export async function startIssuer(client: { readonly id: string; readonly secret: string }) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const codes = new Map<string, { nonce: string; challenge: string; redirectUri: string }>();
  const requests: string[] = [];
  const next: { forgery: Forgery; github: { id: number; emails: unknown[] }; userinfo: Claims } = {
    forgery: {},
    github: { id: 1, emails: [] },
    userinfo: {},
  };
  const person: { claims: Claims } = { claims: { sub: 'u1', email: 'ada@corp.example', email_verified: true } };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url!, url());
    requests.push(`${request.method} ${pathname}`);
    const json = (body: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: url(),
        authorization_endpoint: `${url()}/authorize`,
        token_endpoint: `${url()}/token`,
        userinfo_endpoint: `${url()}/userinfo`,
        jwks_uri: `${url()}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    }
    if (pathname === '/jwks')
      return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] });
    if (pathname === '/userinfo') return json({ ...person.claims, ...next.userinfo });
    if (pathname === '/api/v3/user') return json({ id: next.github.id, login: 'ada' });
    if (pathname === '/api/v3/user/emails') return json(next.github.emails);
    if (pathname === '/token' || pathname === '/login/oauth/access_token') return token(request, json);
    return json({ error: 'not_found' }, 404);
  }

  async function token(request: IncomingMessage, json: (body: unknown, status?: number) => void): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const form = new URLSearchParams(text);
    const code = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!code || code.challenge !== challenge || code.redirectUri !== form.get('redirect_uri'))
      return json({ error: 'invalid_grant' }, 400);
    const bearer = { access_token: randomBytes(8).toString('hex'), token_type: 'bearer', expires_in: 60 };
    return json(request.url === '/token' ? { ...bearer, id_token: idToken(code.nonce) } : bearer);
  }

  function idToken(nonce: string): string {
    const { claims, header, key = privateKey, unsigned } = next.forgery;
    const seconds = Math.floor(Date.now() / 1000);
    const right = { iss: url(), aud: client.id, nonce, iat: seconds, exp: seconds + 300, ...person.claims };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'RS256', kid: 'k1', ...header })}.${part({ ...right, ...claims })}`;
    return `${body}.${unsigned ? '' : createSign('sha256').update(body).sign(key).toString('base64url')}`;
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = () => `http://127.0.0.1:${port}`;
  return {
    url: url(),
    requests,
    next,
    person,
    /** The person agrees: where the issuer sends the browser. */
    agree(authorisation: string): URL {
      const asked = new URL(authorisation).searchParams;
      const code = randomBytes(8).toString('hex');
      codes.set(code, {
        nonce: asked.get('nonce') ?? '',
        challenge: asked.get('code_challenge')!,
        redirectUri: asked.get('redirect_uri')!,
      });
      const back = new URL(asked.get('redirect_uri')!);
      back.searchParams.set('code', code);
      back.searchParams.set('state', asked.get('state')!);
      return back;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>;
