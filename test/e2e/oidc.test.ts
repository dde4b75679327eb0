import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startChild } from '../../bin/machine/child.ts';
import { eventually } from '../support/eventually.ts';
import { type Browser, faultsOf, openBrowser, type Page, visitor } from './support/browser.ts';
import { type Installation, startInstallation } from './support/installation.ts';
import { exampleProvider } from './support/example-provider.ts';

/** The whole round trip through a real OpenID Connect issuer in a real browser, and a command line logged in by it. */

const LIMIT_MS = 240_000;
const CLIENT_SECRET = randomBytes(16).toString('hex');

let installation: Installation;
let issuer: Server;
let browser: Browser;
const dir = mkdtempSync('/tmp/trn-oidc-');

beforeAll(async () => {
  let answer: RequestListener = (_, response) => response.writeHead(503).end();
  issuer = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const providers = join(dir, 'providers.json');
  const corp = { id: 'corp', name: 'Corp', issuer: url, clientId: 'terrane', clientSecret: CLIENT_SECRET };
  writeFileSync(providers, JSON.stringify({ providers: [corp] }), { mode: 0o600 });
  installation = await startInstallation({ serverArgs: ['--login-providers', providers] });
  const provider = await exampleProvider(url, {
    clients: [
      {
        client_id: 'terrane',
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${installation.https}/v1/oidc/corp/callback`],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    // Its example pages ask for a name and believe any password: the name is who one is.
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@corp.example`, email_verified: sub !== 'mallory' }),
    }),
  });
  const handle = provider.callback();
  answer = (request, response) => void handle(request, response);
  browser = await openBrowser([installation.https, url]);
}, LIMIT_MS);

afterAll(async () => {
  await browser?.close();
  await installation?.stop();
  issuer.closeAllConnections();
  await new Promise((resolve) => issuer.close(resolve));
  rmSync(dir, { recursive: true, force: true });
}, LIMIT_MS);

/** At the issuer's own pages. */
async function agreeAs(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(name);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

test(
  'a person signs up by the issuer, logs in again, and lets the command line in by its code',
  async () => {
    const { page, context, complaints } = await visitor(browser, installation.https, 'phone');
    await page.goto('/signup');
    await page.getByRole('button', { name: 'Sign up with Corp' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    // The organisation has no name yet: the browser says so, and nobody leaves.
    await page.getByRole('button', { name: 'Sign up with Corp' }).click();
    await page.getByLabel('Organisation').fill('Corp Inc');
    await page.getByRole('button', { name: 'Sign up with Corp' }).click();
    await agreeAs(page, 'ada');
    await page.getByRole('heading', { name: 'Clusters' }).waitFor();
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByText('ada@corp.example is owner of Corp Inc.').waitFor();
    await page.getByRole('button', { name: 'Unlink Corp' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click();
    await page.getByText('This is the only way to log in to the account.').waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();

    // terrane login --device: the link leads through the login to the question.
    const env = { TERRANE_CONFIG: join(dir, 'cli.json'), NO_COLOR: '1' };
    const cli = startChild(
      process.execPath,
      [join(import.meta.dirname, '../../dist/terrane.mjs'), 'login', '--device', '--server', installation.http],
      join(dir, 'cli.log'),
      { env },
    );
    const link = await eventually('the command line shows a link', () => {
      const [, shown] = /Open (\S+)/.exec(cli.tail()) ?? [];
      if (!shown) throw new Error(cli.tail());
      return shown;
    });
    await page.goto(link);
    await page.getByRole('button', { name: 'Log in with Corp' }).click();
    await page.getByRole('heading', { name: 'Log in a device' }).waitFor();
    await page.getByRole('button', { name: 'Log the device in' }).click();
    await page.getByText('is logged in within seconds').waitFor();
    await eventually('the command line is logged in', () =>
      expect([cli.exit(), cli.tail()]).toEqual(['exit code 0', expect.anything()]),
    );
    const who = await installation.terrane(['whoami', '--json'], { env });
    expect(JSON.parse(who.stdout)).toMatchObject({ user: { email: 'ada@corp.example' } });
    expect(complaints).toEqual([]);
    await context.close();
  },
  LIMIT_MS,
);

test(
  'an account with the same address is not opened, an address that the issuer did not verify is not believed, and a no is a no',
  async () => {
    const { page, context } = await visitor(browser, installation.https, 'desktop');
    await page.goto('/login');
    await page.getByRole('button', { name: 'Log in with Corp' }).click();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByRole('alert').getByText('The login provider did not log you in.').waitFor();
    await page.getByRole('button', { name: 'Log in with Corp' }).click();
    await agreeAs(page, 'mallory');
    await page.getByRole('alert').getByText('has not verified your e-mail address').waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect((await context.cookies()).filter(({ name }) => name.startsWith('__Host-terrane'))).toEqual([]);
    await context.close();

    const other = await visitor(browser, installation.https, 'desktop');
    const body = JSON.stringify({ email: 'bob@corp.example', password: 'correct horse battery', organisation: 'Bob' });
    expect((await installation.fetch('/v1/signup', { 'content-type': 'application/json' }, body)).status).toBe(201);
    await other.page.goto('/login');
    await other.page.getByRole('button', { name: 'Log in with Corp' }).click();
    await agreeAs(other.page, 'bob');
    await other.page.getByRole('alert').getByText('There is already an account').waitFor();
    await other.context.close();
  },
  LIMIT_MS,
);
