import { describe, expect, test } from '@jest/globals';
import { FENCED_ANNOTATION } from '../../core/node/fencing.ts';
import { heard, pod, SECOND } from '../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';

const LATE_SECONDS = 180;
const NAMES = ['n1', 'n2', 'n3'];

/** A hosted control plane, of which nobody measures how long hosts are silent: three hosts, and a fenced pod on n1. */
class Hosted {
  readonly world: ReconcileWorld;

  private constructor(world: ReconcileWorld) {
    this.world = world;
  }

  static async start(withinSeconds = 20): Promise<Hosted> {
    const before = await ReconcileWorld.with();
    const { world } = new Hosted(new ReconcileWorld({ lateMs: LATE_SECONDS * SECOND }, before.keyspace));
    const hosted = new Hosted(world);
    await hosted.pass(1, NAMES, withinSeconds);
    const made = pod('db', { nodeName: 'n1' });
    await world.create({ ...made, metadata: { ...made.metadata, annotations: { [FENCED_ANNOTATION]: 'true' } } });
    await hosted.pass(1, NAMES, withinSeconds);
    return hosted;
  }

  /** Each second these report, and it is looked at the cluster. */
  async pass(seconds: number, reporting: readonly string[] = [], withinSeconds = 20): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.world.now += SECOND;
      for (const name of reporting) await this.world.inbox.put(TENANT, CLUSTER, heard(name, this.world.now, { withinSeconds }));
      await this.world.reconcile();
    }
  }

  /** Nobody is heard, and nobody looks. */
  outage(seconds: number): void {
    this.world.now += seconds * SECOND;
  }

  givenUp(): string[] {
    const nodes = this.world.state.list('Node').filter(({ spec }) => (spec?.taints ?? []).length > 0);
    return nodes.map(({ metadata }) => metadata.name);
  }

  hasDb(): boolean {
    return this.world.state.list('Pod').some(({ metadata }) => !metadata.deletionTimestamp);
  }

  reasons(): (string | undefined)[] {
    return this.world.state.list('Event').map(({ reason }) => reason);
  }
}

describe('after an outage of the hosted control plane', () => {
  test.each([20, 300])(
    'no host is given up, and nothing moves, before it had its time (it reports every %d s)',
    async (seconds) => {
      const hosted = await Hosted.start(seconds);
      hosted.outage(900);
      await hosted.pass(59, ['n2'], seconds);
      expect([hosted.givenUp(), hosted.hasDb()]).toEqual([[], true]);
      expect(hosted.reasons()).toContain('ControlPlaneWasAway');
      await hosted.pass(1, NAMES, seconds);
      expect(hosted.givenUp()).toEqual([]);
    },
  );

  test('who does not come back is given up, and its fenced work leaves it, a host timeout later', async () => {
    const hosted = await Hosted.start();
    hosted.outage(900);
    await hosted.pass(59, ['n2', 'n3']);
    await hosted.pass(4, ['n2', 'n3']);
    expect([hosted.givenUp(), hosted.hasDb()]).toEqual([['n1'], false]);
  });

  test('a silence is forgiven once: another run that comes late gives up who is not heard', async () => {
    const hosted = await Hosted.start();
    hosted.outage(900);
    await hosted.pass(1, ['n2', 'n3']);
    hosted.outage(400);
    await hosted.pass(1, ['n2', 'n3']);
    expect(hosted.givenUp()).toEqual(['n1']);
  });

  test('who was given up before is not back by it', async () => {
    const hosted = await Hosted.start();
    await hosted.pass(70, ['n2', 'n3']);
    expect(hosted.givenUp()).toEqual(['n1']);
    hosted.outage(900);
    await hosted.pass(5, ['n2']);
    expect(hosted.givenUp()).toEqual(['n1']);
  });

  test('in which hosts could not be heard although it was looked at them, fenced work stays until its host had its time', async () => {
    const hosted = await Hosted.start();
    await hosted.pass(300);
    expect(hosted.givenUp()).toEqual(NAMES);
    await hosted.pass(55, ['n2']);
    expect([hosted.givenUp(), hosted.hasDb()]).toEqual([['n1', 'n3'], true]);
    await hosted.pass(10, ['n2']);
    expect(hosted.hasDb()).toBe(false);
  });
});

test('fenced work of a Node that was deleted by a machine of which the clock is 2 s ahead stays as long as ever, also after an outage long ago', async () => {
  const hosted = await Hosted.start();
  hosted.outage(900);
  await hosted.pass(1, ['n2']);
  await hosted.pass(90, NAMES);
  expect(hosted.reasons()).toContain('ControlPlaneWasAway');
  hosted.world.now += 2 * SECOND;
  await hosted.world.remove('Node', 'n1', '');
  hosted.world.now -= 2 * SECOND;
  await hosted.pass(59, ['n2', 'n3']);
  expect(hosted.hasDb()).toBe(true);
  await hosted.pass(5, ['n2', 'n3']);
  expect(hosted.hasDb()).toBe(false);
});

test('a host that dies is given up when it always was, however late within what is usual it is looked at it', async () => {
  const hosted = await Hosted.start();
  await hosted.pass(58, ['n2', 'n3']);
  hosted.outage(120);
  await hosted.pass(1, ['n2', 'n3']);
  expect(hosted.givenUp()).toContain('n1');
  expect(hosted.reasons()).not.toContain('ControlPlaneWasAway');
});
