import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type AgentBundle, bundleAgent } from '../agent/agent-process.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { type Bundles, raucBundles } from './rauc-bundles.ts';
import { manufacture, type RaucHost, raucHost, type Slot } from './rauc-host.ts';
import { type UpdatePlane, updatePlane } from './update-plane.ts';

/**
 * A/B updates on a host as it is: Debian's RAUC with signed bundles, a boot loader that counts attempts, the agent in a process of its own,
 * the control plane's rules behind real HTTP. Power cuts are SIGKILL to everything on the host at once.
 */

let engine: Dockerd;
let bundle: AgentBundle;
let bundles: Bundles;
let template: RaucHost;
const made: Record<string, ReturnType<Bundles['make']>> = {};
const possible = canRunDockerd();

beforeAll(async () => {
  if (!possible) return;
  [engine, bundle] = await Promise.all([startDockerd(), bundleAgent()]);
  bundles = raucBundles();
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) made[version] = bundles.make(version);
  template = raucHost({ bundles, size: made['1.0.0']!.size, bundle, server: 'http://127.0.0.1:1', docker: engine.socket });
  const directory = mkdtempSync(join(tmpdir(), 'trn-factory-'));
  writeFileSync(join(directory, '1.raucb'), made['1.0.0']!.bytes);
  await manufacture(template, join(directory, '1.raucb'));
  rmSync(directory, { recursive: true });
}, 120_000);

afterAll(async () => {
  if (!possible) return;
  await template.remove();
  bundles.remove();
  await bundle.remove();
  await engine.stop();
});

interface Scene {
  readonly plane: UpdatePlane;
  readonly host: RaucHost;
  /** What the slot that runs holds. */
  readonly running: () => string | undefined;
}

const scenes: Scene[] = [];

async function scene(healthTimeout = '15s'): Promise<Scene> {
  const hosts = { driver: 'rauc' as const, matchLabels: { site: 'edge' }, checkEvery: '10s', health: { timeout: healthTimeout } };
  const plane = await updatePlane(hosts);
  const host = raucHost({ bundles, size: made['1.0.0']!.size, bundle, server: plane.url, docker: engine.socket, like: template });
  await plane.editGroup((spec) => {
    spec.hosts!.health!.command = [host.healthCommand, 'check'];
  });
  let slot: Slot | undefined;
  const boot = host.boot.bind(host);
  host.boot = async () => (slot = await boot());
  const one = { plane, host, running: () => slot && versionIn(host, slot) };
  scenes.push(one);
  return one;
}

afterEach(async () => {
  for (const { plane, host } of scenes.splice(0)) {
    await host.remove();
    await plane.stop();
  }
});

/** The version whose image a slot holds, whole; undefined: it could not be booted. */
function versionIn(host: RaucHost, slot: Slot): string | undefined {
  const sha256 = host.slotSha256(slot);
  return Object.keys(made).find((version) => made[version]!.imageSha256 === sha256);
}

const publish = (plane: UpdatePlane, version: string) =>
  plane.publish(version, { name: `${version}.raucb`, bytes: made[version]!.bytes });

/** Boots, and boots again after each cut and each reboot, until the update has come to its end on the host and in the books. */
async function untilOver({ plane, host, running }: Scene, what: string): Promise<void> {
  await host.boot();
  expect(running()).toBeDefined();
  await eventually(
    what,
    async () => {
      if (!host.running || host.rebootAsked) {
        await host.powerOff();
        await host.boot();
        // Wherever it was cut: what the boot loader chose is a whole system.
        expect(running()).toBeDefined();
      }
      const { status } = plane.instance() ?? {};
      const { phase = 'none' } = host.journal() ?? {};
      if (!['complete', 'error'].includes(status ?? '') || phase !== 'idle' || plane.group().reboots.holders.length > 0)
        throw new Error(`instance ${status}, host ${phase}, running ${running()}\n${host.log().slice(-3000)}`);
    },
    { timeoutMs: 90_000, everyMs: 20 },
  );
}

(possible ? describe : describe.skip)('a host with RAUC', () => {
  test('is updated in the other slot, boots it, is well, and keeps it; and is seen at it', async () => {
    const one = await scene();
    const { plane, host } = one;
    await publish(plane, '2.0.0');
    await untilOver(one, 'it runs 2.0.0');
    expect(one.running()).toBe('2.0.0');
    expect(host.primary()).toBe('B');
    const { status, version, history, alias } = plane.instance()!;
    expect({ status, version, alias }).toEqual({ status: 'complete', version: '2.0.0', alias: 'edge-1' });
    expect(history.map((change) => change.status)).toEqual(['granted', 'downloading', 'downloaded', 'installed', 'complete']);
    expect(plane.group()).toMatchObject({ completed: 1, failed: 0, underWay: [] });
    await eventually('the node says so', () => {
      const conditions = plane.report()?.node.conditions ?? [];
      const said = Object.fromEntries(conditions.map(({ type, status: is }) => [type, is]));
      expect(said).toMatchObject({ RebootPending: 'False', UpdateFailed: 'False' });
    });
    // The old system is still there to go back to.
    expect(versionIn(host, 'A')).toBe('1.0.0');
  }, 120_000);

  test('that is not well with the new version goes back to the old slot, says why, and halts its group', async () => {
    const one = await scene('2s');
    const { plane, host } = one;
    host.setHealthy('B', false);
    await publish(plane, '2.0.0');
    await untilOver(one, 'it has gone back');
    expect(one.running()).toBe('1.0.0');
    expect(host.primary()).toBe('A');
    expect(plane.instance()).toMatchObject({
      status: 'error',
      errorCode: 1007,
      message: expect.stringContaining('the app does not answer'),
    });
    expect(plane.group().halted).toMatchObject({ reason: 'FirstUpdateFailed' });
    await eventually('the node says so', () => {
      expect(plane.report()?.node.conditions?.find(({ type }) => type === 'UpdateFailed')).toMatchObject({
        status: 'True',
        reason: 'Unhealthy',
        message: expect.stringContaining('the app does not answer'),
      });
    });
  }, 120_000);

  test('refuses what somebody else signed, what was changed on its way, and what was changed before its sum was taken; nothing is written', async () => {
    const rogue = bundles.make('2.0.0', 'rogue').bytes;
    const genuine = made['2.0.0']!.bytes;
    const flipped = Buffer.from(genuine);
    flipped[1_000_000]! ^= 1;
    const cases = [
      { bytes: rogue, sum: undefined, code: 1004, says: 'signature verification failed' },
      { bytes: flipped, sum: made['2.0.0']!, code: 1003, says: 'SHA-256' },
      { bytes: flipped, sum: undefined, code: 1004, says: 'signature verification failed' },
    ];
    await Promise.all(
      cases.map(async ({ bytes, sum, code, says }) => {
        const one = await scene();
        const sha256 = sum && createHash('sha256').update(genuine).digest('hex');
        await one.plane.publish('2.0.0', { name: '2.0.0.raucb', bytes }, sha256);
        const empty = one.host.slotSha256('B');
        await untilOver(one, 'it is refused');
        expect(one.plane.instance()).toMatchObject({
          status: 'error',
          errorCode: code,
          message: expect.stringMatching(new RegExp(says, 'i')),
        });
        expect({ A: versionIn(one.host, 'A'), B: one.host.slotSha256('B'), primary: one.host.primary() }).toEqual({
          A: '1.0.0',
          B: empty,
          primary: 'A',
        });
      }),
    );
  }, 120_000);

  type Cut = readonly [what: string, arrange: (one: Scene) => void];
  const at = (program: 'rauc' | 'systemctl' | 'healthy', verb: string, when: 'before' | 'after' | 'during'): Cut => [
    `${when} ${program} ${verb}`,
    ({ host }) => host.cutAt(program, verb, when),
  ];
  /** Once, when a request of that path has come or was acted on: its answer is lost. */
  const onRequest = (path: string, when: 'asked' | 'answered', body = ''): Cut => [
    `when ${path}${body} was ${when}`,
    ({ host, plane }) => {
      plane.onRequest = async (seen, at, sent) => {
        if (seen !== path || at !== when || !sent.includes(body)) return;
        plane.onRequest = async () => {};
        await host.powerOff();
        writeFileSync(join(host.directory, 'is-cut'), '');
      };
    },
  ];

  const whileUpdating: readonly Cut[] = [
    onRequest('/node/v1/updates/check', 'answered'),
    onRequest('/files/2.0.0.raucb', 'asked'),
    at('rauc', 'install', 'before'),
    at('rauc', 'install', 'during'),
    at('rauc', 'install', 'after'),
    onRequest('/node/v1/updates/reboot-lock', 'answered', 'acquire'),
    at('rauc', 'mark-active', 'before'),
    at('rauc', 'mark-active', 'after'),
    at('systemctl', 'reboot', 'before'),
    at('healthy', 'check', 'before'),
    at('rauc', 'mark-good', 'before'),
    at('rauc', 'mark-good', 'after'),
    onRequest('/node/v1/updates/reboot-lock', 'answered', 'release'),
  ];
  const whileGoingBack: readonly Cut[] = [at('rauc', 'mark-bad', 'before'), at('rauc', 'mark-bad', 'after')];

  test('that loses power at any step boots a whole system, and comes to the end of the update', async () => {
    await inTurns(whileUpdating, async (what, arrange) => {
      const one = await scene();
      arrange(one);
      await publish(one.plane, '2.0.0');
      await untilOver(one, `it runs 2.0.0, cut ${what}`);
      const { status, message } = one.plane.instance() ?? {};
      expect({ what, running: one.running(), status, message }).toEqual({ what, running: '2.0.0', status: 'complete' });
      expect({ what, cut: one.host.running }).toEqual({ what, cut: true });
    });
  }, 240_000);

  test('that loses power on its way back boots the old system', async () => {
    await inTurns(whileGoingBack, async (what, arrange) => {
      const one = await scene('2s');
      one.host.setHealthy('B', false);
      arrange(one);
      await publish(one.plane, '2.0.0');
      await untilOver(one, `it is back, cut ${what}`);
      expect({ what, running: one.running(), status: one.plane.instance()?.status }).toEqual({
        what,
        running: '1.0.0',
        status: 'error',
      });
    });
  }, 240_000);
});

/** A few at a time: they mostly wait. */
async function inTurns(
  cuts: readonly (readonly [string, (one: Scene) => void])[],
  play: (what: string, arrange: (one: Scene) => void) => Promise<void>,
) {
  const left = [...cuts];
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) await play(...next);
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}
