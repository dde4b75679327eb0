import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { canRunSystemdHosts } from '../support/systemd-host/lab.ts';
import { type Browser, isGood, openBrowser, PATIENCE_MS, visitor } from './support/browser.ts';
import { type Fleet, fleetOf } from './support/fleet.ts';
import { type HostsInstallation, startHosts } from './support/hosts.ts';

/** Units in the web console, on a host that has systemd. */

// A limit on hanging, longer than all that is waited for within.
jest.setTimeout(300_000);

const COUNT = '[Service]\nExecStart=/bin/sh -c "echo its process is $$$$; exec sleep infinity"\n';

(canRunSystemdHosts() ? describe : describe.skip)('units in the console', () => {
  let all: HostsInstallation;
  let fleet: Fleet;
  let browser: Browser;
  beforeAll(async () => {
    all = await startHosts('blue');
    fleet = await fleetOf(all);
    browser = await openBrowser([all.http]);
  });
  afterAll(async () => {
    await browser?.close();
    await all?.stop();
  });

  test('are listed with where they are and why they are nowhere; one has a page with what it writes, what happened and its file', async () => {
    await fleet.put('web@.service', 'inactive', COUNT);
    await fleet.put('web@1.service', 'launched', COUNT);
    await fleet.put('fails.service', 'launched', '[Service]\nExecStart=/bin/false\n');
    await fleet.put('waits.service', 'launched', `${COUNT}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    await fleet.active('web@1.service');

    const { page, context, complaints } = await visitor(browser, all.http, 'desktop');
    await page.goto('/login');
    await page.getByLabel('E-mail').fill('e2e@example.com');
    await page.getByLabel('Password').fill('correct horse battery');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('link', { name: /prod/ }).click();

    await page.getByRole('link', { name: 'Workloads' }).click();
    const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
    await row('web@.service').getByText('Template').waitFor();
    await row('web@1.service').getByText('Healthy').waitFor();
    expect(await row('web@1.service').getByRole('cell').nth(1).innerText()).toBe('blue');
    await row('waits.service')
      .getByText(/0\/1 nodes are available.*MachineMetadata/)
      .waitFor();
    await row('fails.service').getByText('failed on 1 of 1 host').waitFor();
    await isGood(page, 'prod');

    await page.getByRole('link', { name: 'Nodes' }).click();
    await page.getByRole('article').filter({ hasText: 'blue' }).getByRole('link', { name: 'web@1.service' }).click();
    await page.getByRole('heading', { name: 'web@1.service' }).waitFor();
    const journal = page.getByLabel('journal on blue');
    const processes = async () => (await journal.innerText()).match(/its process is \d+/g) ?? [];
    await journal.getByText(/its process is \d+/).waitFor();
    await page.getByText('Successfully assigned web@1.service to blue').waitFor();
    expect(await page.getByLabel('unit file').innerText()).toContain('exec sleep infinity');
    await isGood(page, 'prod');

    // What it writes from now on comes by itself.
    expect(await processes()).toHaveLength(1);
    await page.getByRole('button', { name: 'Restart' }).click();
    await eventually('the journal shows another process', async () => expect(new Set(await processes()).size).toBe(2), {
      timeoutMs: PATIENCE_MS,
    });
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('row').filter({ hasText: 'blue' }).getByText('inactive (dead)').waitFor();
    await page.getByRole('button', { name: 'Destroy' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Destroy' }).click();
    await row('waits.service').waitFor();
    await row('web@1.service').waitFor({ state: 'detached' });

    // One that is on no host has no journal, and a mistyped one is told as that.
    await row('waits.service').getByRole('link').click();
    await page.getByRole('cell', { name: 'FailedScheduling' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Journal' }).count()).toBe(0);
    const commands = page.getByText('On the command line');
    expect(await commands.count()).toBe(1);
    await isGood(page, 'prod');
    await page.goto(`${page.url()}x`);
    await page.getByText('There is no such unit').waitFor();
    // What an address says is not for anybody's shell.
    expect(await commands.count()).toBe(0);
    await isGood(page, 'prod');
    expect(complaints).toEqual([]);
    await context.close();
  });
});
