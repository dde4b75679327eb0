import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Node } from '../../core/resources/schema/node.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../support/dockerd.ts';
import { eventually } from '../support/eventually.ts';
import { importBusybox } from '../support/images.ts';
import { type Browser, isGood, openBrowser, type Page, PATIENCE_MS, type Size, visitor } from './support/browser.ts';
import { type Installation, startInstallation } from './support/installation.ts';
import { pinnedPod } from './support/pinned-pod.ts';

/** A person's way through the web console, in a real browser, against the real server, on a phone and on a desktop. */

const PASSWORD = 'correct horse battery';
const LIMIT_MS = 240_000;

let installation: Installation;
let browser: Browser;

beforeAll(async () => {
  installation = await startInstallation();
  browser = await openBrowser([installation.https]);
}, LIMIT_MS);

afterAll(async () => {
  await browser?.close();
  await installation?.stop();
}, LIMIT_MS);

/** The one-time secret in the newest mail to somebody. */
const mailed = (to: string, page: string): Promise<string> =>
  eventually(`a mail with a link to /${page} is there for ${to}`, () => {
    const directory = join(installation.dir, 'server/mail/new');
    const texts = readdirSync(directory)
      .sort()
      .map((file) => readFileSync(join(directory, file), 'utf8'));
    const secret = new RegExp(`/${page}#(trn_\\w+)`).exec(texts.findLast((text) => text.includes(`To: <${to}>`)) ?? '')?.[1];
    if (!secret) throw new Error(texts.join('\n---\n'));
    return secret;
  });

async function signUp(page: Page, email: string, organisation: string): Promise<void> {
  await page.goto('/signup');
  await page.getByLabel('Organisation').fill(organisation);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByRole('heading', { name: 'Clusters', level: 1 }).waitFor();
}

test('pages and files are sent with a policy that lets nothing else in, and only they are pages', async () => {
  const page = await installation.fetch('/login');
  expect(page.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
      "base-uri 'none'; frame-ancestors 'none'",
  );
  expect(Object.fromEntries(page.headers)).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-cache',
  });
  const html = await page.text();
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/);
  const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
  expect(assets).toHaveLength(3);
  for (const path of assets) {
    const asset = await installation.fetch(path);
    expect([path, asset.status, asset.headers.get('cache-control')]).toEqual([path, 200, 'public, max-age=31536000, immutable']);
    await asset.body?.cancel();
  }
  for (const path of ['/nothing', '/cluster', '/assets/nothing.js', '/assets/..%2findex.html']) {
    const missing = await installation.fetch(path);
    expect([path, missing.status, missing.headers.get('content-type')]).toEqual([path, 404, 'application/json']);
    await missing.body?.cancel();
  }
});

test('a mistyped address is answered to a browser with a page that says so, and to programs with an error as ever', async () => {
  const { page, context } = await visitor(browser, installation.https, 'desktop');
  const answer = await page.goto('/clutser/prod');
  expect(answer?.status()).toBe(404);
  expect(answer?.headers()).toMatchObject({ 'cache-control': 'no-cache', 'x-frame-options': 'DENY' });
  await isGood(page, 'There is no such page');
  await context.close();
  const html = { accept: 'text/html,*/*;q=0.8' };
  for (const path of ['/v1/nothing', '/node/nothing', '/assets/nothing.js', '/v2/nothing']) {
    const { status, headers } = await installation.fetch(path, html);
    expect([path, [401, 404].includes(status), headers.get('content-type')]).toEqual([path, true, 'application/json']);
  }
  expect((await installation.fetch('/clutser/prod', html, '{}')).headers.get('content-type')).toBe('application/json');
});

(canRunDockerd() ? describe : describe.skip)('the story', () => {
  let engine: Dockerd;
  beforeAll(async () => {
    engine = await startDockerd();
    await importBusybox(engine.socket);
  }, LIMIT_MS);
  afterAll(() => engine?.stop(), LIMIT_MS);

  test(
    'from sign-up to a host that arrives by itself, a kubeconfig that works, and out again',
    async () => {
      const { page, context, complaints } = await visitor(browser, installation.https, 'desktop');
      await page.goto('/tokens');
      await isGood(page, 'Log in');
      const email = 'ada@example.com';
      await signUp(page, email, 'Analytical Engines');
      await isGood(page, 'Clusters');

      // The address is verified by the mailed link.
      await page.goto(`/verify#${await mailed(email, 'verify')}`);
      await isGood(page, 'Verify your e-mail address');
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.getByText(`${email} is verified`).waitFor();
      await page.getByRole('link', { name: 'Go on' }).click();
      await page.getByText('is not verified yet').waitFor({ state: 'detached' });

      await page.getByRole('link', { name: 'Create a cluster' }).click();
      await isGood(page, 'Create a cluster');
      // By keyboard alone.
      await page.keyboard.type('No Name!');
      await page.keyboard.press('Enter');
      await page
        .getByRole('alert')
        .getByText(/must consist of lower case/)
        .waitFor();
      await page.getByLabel('Name').fill('prod');
      await page.keyboard.press('Enter');
      await page.getByText('None yet.').waitFor();
      await isGood(page, 'prod');
      const cluster = new URL(page.url()).pathname.split('/').at(-1)!;

      // The join command, copied with one click; then a real host uses its token.
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.getByRole('button', { name: 'Make the join command' }).click();
      await page.getByRole('button', { name: 'Copy join command' }).click();
      await page.getByText('Copied').waitFor();
      const command = (await page.evaluate('navigator.clipboard.readText()')) as string;
      const [, token] = /TERRANE_TOKEN=(trn_join_\w+) TERRANE_KEY=sha256:[0-9a-f]{64} TERRANE_CLUSTER_ID=\w+ sh/.exec(command)!;
      await page.getByText('Waiting for the host').waitFor();
      await isGood(page, 'prod');
      const loaded = await page.evaluate('performance.timeOrigin');
      const tokenFile = join(installation.dir, 'browser-token');
      writeFileSync(tokenFile, token!, { mode: 0o600 });
      await installation.startAgent({ name: 'edge-1', socket: engine.socket, tokenFile });
      await page.getByText('edge-1 has joined').waitFor();
      await page.getByRole('listitem').filter({ hasText: 'edge-1' }).getByText('Ready', { exact: true }).waitFor();
      expect(await page.evaluate('performance.timeOrigin')).toBe(loaded);
      await isGood(page, 'prod');

      // A tab that nobody looks at keeps no connection, and is up to date when somebody does again.
      const hide = (hidden: boolean) =>
        page.evaluate(
          `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
        );
      const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/api/v1/nodes?watch=1'));
      await hide(true);
      await ended;
      const watching = page.waitForRequest((request) => request.url().includes('/api/v1/nodes?watch=1'));
      await hide(false);
      await watching;

      // The kubeconfig is a real one: with its token the cluster answers, and nothing else does.
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download a kubeconfig' }).click();
      const download = await downloading;
      expect(download.suggestedFilename()).toBe('kubeconfig-prod');
      const kubeconfig = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
        clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
        users: [{ user: { token: string } }];
      };
      const { server } = kubeconfig.clusters[0].cluster;
      const bearer = kubeconfig.users[0].user.token;
      const ca = Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data'], 'base64').toString();
      expect(ca).toBe(readFileSync(installation.caFile, 'utf8'));
      expect(server).toBe(`${installation.https}/clusters/${cluster}`);
      const asked = await installation.fetch(`/clusters/${cluster}/api/v1/nodes`, { authorization: `Bearer ${bearer}` });
      expect(((await asked.json()) as { items: Node[] }).items.map(({ metadata }) => metadata.name)).toEqual(['edge-1']);

      // Nodes and workloads follow what is applied, and say why something waits.
      const apply = async (manifest: string) => {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/yaml' };
        const answer = await installation.fetch(`/clusters/${cluster}/api/v1/namespaces/default/pods`, headers, manifest);
        expect([answer.status, answer.ok ? '' : await answer.text()]).toEqual([201, '']);
      };
      await page.getByRole('link', { name: 'Workloads' }).click();
      await page.getByText('Nothing was applied yet').waitFor();
      await isGood(page, 'prod');
      await apply(pinnedPod('fits', 'edge-1'));
      await apply(pinnedPod('waits', 'nowhere'));
      await page
        .getByRole('row')
        .filter({ hasText: 'Pod in default' })
        .filter({ hasText: 'waits' })
        .getByText(/didn't match|node/)
        .first()
        .waitFor();
      await page.getByRole('row').filter({ hasText: 'default/fits' }).getByText('Running').waitFor();
      await isGood(page, 'prod');
      await page.getByRole('link', { name: 'Nodes' }).click();
      await page.getByRole('article').filter({ hasText: 'edge-1' }).getByText('default/fits').waitFor();
      await page.getByText('Conditions').click();
      await isGood(page, 'prod');

      // A rollout: a host asks, its group is paused and goes on, each seen without a reload.
      await page.getByRole('link', { name: 'Updates' }).click();
      await page.getByText('No group of hosts follows a channel yet').waitFor();
      await isGood(page, 'prod');
      const make = async (path: string, body: object) => {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
        const answer = await installation.fetch(path, headers, JSON.stringify(body));
        expect([answer.status, answer.ok ? '' : await answer.text()]).toEqual([201, '']);
        return answer;
      };
      const update = (kind: string, name: string, spec: object) =>
        make(`/clusters/${cluster}/apis/terrane.dev/v1/${kind.toLowerCase()}s`, {
          apiVersion: 'terrane.dev/v1',
          kind,
          metadata: { name },
          spec: { application: 'flatcar', ...spec },
        });
      const files = [{ name: 'update.gz', size: 1, sha256: '0'.repeat(64) }];
      await update('UpdatePackage', 'os-2', { version: '2.0.0', url: 'https://files.example/', files });
      await update('UpdateChannel', 'stable', { packages: { amd64: 'os-2' } });
      await update('UpdateGroup', 'fleet', { channel: 'stable' });
      // The kubeconfig's token is of its cluster only; the session isn't.
      const body = JSON.stringify({ kind: 'update', cluster });
      const issued = (await page.evaluate(
        `fetch('/v1/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '${body}' }).then((answer) => answer.json())`,
      )) as { secret: string };
      const card = page.getByRole('article').filter({ hasText: 'fleet' });
      await card.getByText('Nothing was given yet').waitFor();
      const host = `<app appid="flatcar" version="1.0.0" track="fleet" machineid="m1" machinealias="rack-7" board="amd64-usr"><updatecheck/></app>`;
      await installation.fetch(`/updates/${issued.secret}/v1/update/`, {}, `<request protocol="3.0">${host}</request>`);
      await card.getByText('0 of 1 host run 2.0.0; 1 under way').waitFor();
      await card.getByRole('row').filter({ hasText: 'rack-7' }).getByText('granted').waitFor();
      await isGood(page, 'prod');
      await card.getByRole('button', { name: 'Pause fleet' }).click();
      await card.getByText('Paused', { exact: true }).waitFor();
      await card.getByRole('button', { name: 'Resume fleet' }).click();
      await card.getByText('Active', { exact: true }).waitFor();
      await isGood(page, 'prod');

      // An API token: shown once, and revoked.
      await page.getByRole('link', { name: 'Tokens' }).click();
      await page.getByRole('button', { name: 'Create an API token' }).click();
      await page.getByLabel('It may do what this role may').selectOption('viewer');
      await page.getByRole('button', { name: 'Create', exact: true }).click();
      const secret = await page.getByLabel('API token', { exact: true }).innerText();
      await isGood(page, 'Tokens');
      const me = () => installation.fetch('/v1/me', { authorization: `Bearer ${secret}` });
      expect(await (await me()).json()).toMatchObject({ role: 'viewer' });
      await page.keyboard.press('Escape');
      const id = secret.split('_')[1]!;
      await page.getByRole('button', { name: `Revoke ${id}` }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await page.getByRole('row').filter({ hasText: id }).getByText('Revoked').waitFor();
      expect((await me()).status).toBe(401);
      await isGood(page, 'Tokens');

      // A member is invited, comes, and may do less.
      await page.getByRole('link', { name: 'Members' }).click();
      await page.getByLabel('E-mail').fill('bob@example.com');
      await page.getByRole('button', { name: 'Send the invitation' }).click();
      await page.getByText('is on its way to bob@example.com').waitFor();
      await isGood(page, 'Members');
      await invited('bob@example.com', 'phone');
      await page.reload();
      await page.getByRole('row').filter({ hasText: 'bob@example.com' }).getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('row').filter({ hasText: 'bob@example.com' }).waitFor({ state: 'detached' });

      await page.getByRole('link', { name: 'Audit' }).click();
      await page.getByRole('cell', { name: 'member.remove' }).waitFor();
      await isGood(page, 'Audit log');
      await page.getByLabel('Action').fill('token.');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('cell', { name: 'member.remove' }).waitFor({ state: 'detached' });
      const exporting = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export all that match' }).click();
      const exported = readFileSync(await (await exporting).path(), 'utf8')
        .trim()
        .split('\n');
      expect(exported.map((line) => (JSON.parse(line) as { action: string }).action)).toContain('token.revoke');

      await page.getByRole('link', { name: 'Account' }).click();
      await page.getByText('This one').waitFor();
      await isGood(page, 'Account');

      await page.getByRole('link', { name: 'Organisation' }).click();
      await page.getByText('Nodes: 1 of 10').waitFor();
      await isGood(page, 'Analytical Engines');

      await page.getByRole('button', { name: 'Sign out' }).click();
      await isGood(page, 'Log in');
      await page.goto('/tokens');
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      expect(complaints).toEqual([]);
      await context.close();
    },
    LIMIT_MS,
  );

  async function invited(email: string, size: Size): Promise<void> {
    const { page, context, complaints } = await visitor(browser, installation.https, size);
    await page.goto(`/invite#${await mailed(email, 'invite')}`);
    await isGood(page, 'You are invited');
    await page.getByRole('link', { name: 'Create an account' }).click();
    await isGood(page, 'Create an account');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByText('Analytical Engines:').waitFor();
    // A viewer sees, but isn't offered what would be refused.
    await page.getByRole('link', { name: /prod/ }).click();
    await page.getByRole('listitem').filter({ hasText: 'edge-1' }).waitFor();
    for (const name of ['Make the join command', 'Delete the cluster']) {
      expect(await page.getByRole('button', { name }).count()).toBe(0);
    }
    expect(await page.getByRole('link', { name: 'Audit' }).count()).toBe(0);
    await isGood(page, 'prod');
    expect(complaints).toEqual([]);
    await context.close();
  }
});

test(
  'a forgotten password is set anew by mail; a device is let in by its code; an organisation goes when its name is typed',
  async () => {
    const { page, context, complaints } = await visitor(browser, installation.https, 'phone', 'dark');
    const email = 'grace@example.com';
    await signUp(page, email, 'Navy');
    await page.getByRole('button', { name: 'Sign out' }).click();

    await page.getByRole('link', { name: 'Forgot the password?' }).click();
    await isGood(page, 'Set a new password');
    await page.getByLabel('E-mail').fill(email);
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByText('a mail with a link is on its way').waitFor();
    await page.goto(`/reset#${await mailed(email, 'reset')}`);
    await isGood(page, 'Choose a new password');
    await page.getByLabel('New password').fill(`${PASSWORD} 2`);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('is set, and all its sessions have ended').waitFor();
    // What comes before the login is where it leads.
    const code = await (await installation.fetch('/v1/device/code', {}, '')).json();
    const { user_code, verification_uri_complete, device_code } = code as Record<string, string>;
    expect(verification_uri_complete).toBe(`${installation.https}/device?user_code=${user_code}`);
    await page.goto(verification_uri_complete!);
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('E-mail or password is wrong.').waitFor();
    await page.getByLabel('Password').fill(`${PASSWORD} 2`);
    await page.getByRole('button', { name: 'Log in' }).click();
    await isGood(page, 'Log in a device');
    expect(await page.getByLabel('Code').inputValue()).toBe(user_code);
    await page.getByRole('button', { name: 'Log the device in' }).click();
    await page.getByText('is logged in within seconds').waitFor();
    const grant = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device_code! });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const polled = await installation.fetch('/v1/device/token', form, grant.toString());
    const { access_token } = (await polled.json()) as { access_token: string };

    await page.goto('/organisation');
    await page.getByRole('button', { name: 'Delete the organisation' }).click();
    await page.getByLabel('Name of the organisation').fill('Army');
    await page.getByRole('button', { name: 'Delete everything' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Name of the organisation').fill('Navy');
    await page.getByRole('button', { name: 'Delete everything' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect((await installation.fetch('/v1/me', { authorization: `Bearer ${access_token}` })).status).toBe(401);
    expect(complaints).toEqual([]);
    await context.close();
  },
  LIMIT_MS,
);

test(
  'the session ends in every tab when it is ended elsewhere, and a server that is away is told as that',
  async () => {
    const { page, context } = await visitor(browser, installation.https, 'phone');
    await signUp(page, 'lost@example.com', 'Lost');
    await page.route('**/v1/usage', (route) => route.abort());
    await page.getByRole('link', { name: 'Organisation' }).click();
    await page.getByRole('alert').getByText('The server does not answer.').waitFor();
    await page.unroute('**/v1/usage');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Nodes: 0 of 10').waitFor();

    // Somewhere else, with the same cookie.
    const other = await context.newPage();
    await other.goto('/account');
    await other.getByRole('button', { name: /^End session/ }).click();
    await other.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await other.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.getByRole('link', { name: 'Tokens' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor({ timeout: PATIENCE_MS });
    expect(new URL(page.url()).search).toBe('?next=%2Ftokens');
    await context.close();
  },
  LIMIT_MS,
);
