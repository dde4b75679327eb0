import { describe, expect, test } from '@jest/globals';
import { FENCED_ANNOTATION } from '../../core/node/fencing.ts';
import { ASKED_ANNOTATION, isAskedAnew } from '../../core/node/node-timeout.ts';
import { LOOK_MS } from '../../core/node/listening.ts';
import { type ListeningInbox, listeningInbox } from '../../store/inbox-listening.ts';
import { heard, pod, SECOND } from '../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';

/** A control plane in one process, with clocks that are moved by hand. */
class OneProcess {
  elapsed = 0;
  missed = 0;
  readonly inbox: ListeningInbox;
  readonly world: ReconcileWorld;

  constructor(before: ReconcileWorld) {
    this.inbox = listeningInbox(
      before.inbox,
      () => ({ wall: before.now, elapsed: this.elapsed }),
      (ms) => void (this.missed += ms),
    );
    const { clock } = before.deps;
    const deps = { clock, newUid: () => before.deps.newUid(), inbox: this.inbox, listeningSince: () => this.inbox.since() };
    this.world = new ReconcileWorld(deps, before.keyspace);
    this.before = before;
  }
  readonly before: ReconcileWorld;

  /** Somebody is there, and looks at the clocks. */
  async pass(seconds: number, each: (second: number) => Promise<unknown> = async () => {}): Promise<void> {
    for (let second = 1; second <= seconds; second++) {
      this.before.now += LOOK_MS;
      this.elapsed += LOOK_MS;
      await each(second);
      await this.inbox.list(TENANT, CLUSTER);
      await this.world.reconcile();
    }
  }

  /** The process stands still. */
  stand(seconds: number): void {
    this.before.now += seconds * SECOND;
    this.elapsed += seconds * SECOND;
  }

  /** The clock is set, or the machine sleeps. */
  step(seconds: number): void {
    this.before.now += seconds * SECOND;
  }

  async report(name: string, withinSeconds = 20): Promise<void> {
    await this.inbox.put(TENANT, CLUSTER, heard(name, this.before.now, { withinSeconds, suspects: [] }));
  }

  silent(): string[] {
    const nodes = this.world.state.list('Node').filter(({ spec }) => (spec?.taints ?? []).length > 0);
    return nodes.map(({ metadata }) => metadata.name);
  }

  fencedOn(): string | undefined {
    const there = this.world.state.list('Pod').filter(({ metadata }) => !metadata.deletionTimestamp);
    return there.map(({ spec }) => spec.nodeName).join();
  }
}

function fencedPod(nodeName: string) {
  const made = pod('db', { nodeName });
  return { ...made, metadata: { ...made.metadata, annotations: { [FENCED_ANNOTATION]: 'true' } } };
}

/** n1 with a fenced pod, and n2. */
async function plane(): Promise<OneProcess> {
  const before = await ReconcileWorld.with();
  const one = new OneProcess(before);
  for (const name of ['n1', 'n2']) await one.report(name);
  await one.world.reconcile();
  await one.world.create(fencedPod('n1'));
  await one.pass(15);
  return one;
}

describe('a control plane that hears all hosts itself', () => {
  test('that stood still, or slept, gives no host up for that, and moves nothing; and each has its full time then', async () => {
    for (const away of ['stand', 'step'] as const) {
      const one = await plane();
      one[away](600);
      await one.world.reconcile();
      expect(one.silent()).toEqual([]);
      await one.pass(59);
      expect([one.silent(), one.fencedOn()]).toEqual([[], 'n1']);
      // Who does not report then is gone.
      await one.pass(5, () => one.report('n2'));
      expect(one.silent()).toEqual(['n1']);
    }
  });

  test('that is held up for seconds all the time still notices who is gone', async () => {
    const one = await plane();
    let trueSeconds = 0;
    while (!one.silent().includes('n1') && trueSeconds < 400) {
      one.stand(10);
      await one.report('n2');
      await one.pass(20);
      trueSeconds += 30;
    }
    expect(one.silent()).toEqual(['n1']);
    expect(trueSeconds).toBeLessThan(200);
  });

  test.each([31, 3_600, -31, -90, -3_600, -1e8])(
    'of which the clock is set by %d s gives hosts neither less time for that nor more than once again',
    async (seconds) => {
      const one = await plane();
      one.step(seconds);
      await one.pass(20, () => one.report('n2'));
      await one.pass(24, () => one.report('n2'));
      // 15 s + 44 s of silence.
      expect([one.silent(), one.fencedOn()]).toEqual([[], 'n1']);
      await one.pass(20, () => one.report('n2'));
      expect(one.silent()).toEqual(['n1']);
    },
  );

  test('that starts anew or was away brings no host back that was given up: its next report does', async () => {
    const one = await plane();
    await one.pass(70, () => one.report('n2'));
    expect(one.silent()).toEqual(['n1']);
    one.stand(300);
    await one.pass(2, () => one.report('n2'));
    expect(one.silent()).toEqual(['n1']);
    const next = new OneProcess(one.before);
    await next.report('n2');
    await next.pass(2);
    expect(next.silent()).toEqual(['n1']);
    await next.report('n1');
    await next.pass(1);
    expect(next.silent()).toEqual([]);
  });

  test.each<[string, (one: OneProcess) => void]>([
    ['nothing more', () => undefined],
    ['a moment in which it stood still', (one) => one.stand(3)],
    ['a longer one', (one) => one.stand(200)],
    ['a sleep', (one) => one.step(200)],
    ['its clock being set back', (one) => one.step(-200)],
  ])(
    'leaves a quiet host given up of which the connection ended, as long as it does not report, through %s',
    async (_, befall) => {
      const one = await plane();
      await one.report('n2', 300);
      await one.world.remove('Pod', 'db');
      await one.world.reconcile();
      await one.report('n2', 300);
      await one.inbox.markLost(TENANT, CLUSTER, 'n2', one.before.now);
      await one.pass(59, () => one.report('n1'));
      expect(one.silent()).toEqual([]);
      for (let time = 0; time < 3; time++) {
        await one.pass(3, () => one.report('n1'));
        expect(one.silent()).toEqual(['n2']);
        befall(one);
        await one.report('n1');
        await one.world.reconcile();
        expect(one.silent()).toEqual(['n2']);
      }
      await one.report('n2', 300);
      await one.pass(2, () => one.report('n1'));
      expect(one.silent()).toEqual([]);
    },
  );

  test.each([-40, -90, -3_600, 40, 3_600])(
    'of which the clock is set by %d s gives nobody up for a question of before that was answered',
    async (seconds) => {
      const one = await plane();
      await one.report('n2', 300);
      await one.world.edit(
        'Node',
        'n2',
        ({ metadata }) => void (metadata.annotations = { [ASKED_ANNOTATION]: new Date(one.before.now).toISOString() }),
        '',
      );
      await one.pass(10, () => one.report('n1'));
      await one.report('n2', 300);
      await one.pass(20, () => one.report('n1'));
      one.step(seconds);
      const node = () => one.world.state.get('Node', '', 'n2')!;
      let known = node();
      await one.pass(120, async () => {
        await one.report('n1');
        // What an agent does, and so answers one that seems to be open.
        if (isAskedAnew(node(), known)) await one.report('n2', 300);
        known = node();
      });
      expect(one.silent()).toEqual([]);
    },
  );

  test('that starts gives each host its full time, whatever time its last report bears', async () => {
    for (const ago of [300, 30, -3_600]) {
      const before = await plane();
      before.step(ago);
      const one = new OneProcess(before.before);
      await one.pass(59);
      expect(one.silent()).toEqual([]);
      await one.pass(1);
      expect(one.silent()).toEqual(['n1', 'n2']);
    }
  });

  test('of which the clock is set back after a host was given up still replaces its ordinary pods in time', async () => {
    const one = await plane();
    await one.world.create(pod('web', { nodeName: 'n1' }));
    await one.pass(70, () => one.report('n2'));
    expect(one.silent()).toEqual(['n1']);
    one.step(-3_600);
    await one.pass(59, () => one.report('n2'));
    const web = () => one.world.state.get('Pod', 'default', 'web');
    expect(web()).toBeDefined();
    await one.pass(5, () => one.report('n2'));
    expect(web()).toBeUndefined();
  });

  test('counts a deletion, or a question, from when it is back', async () => {
    const one = await plane();
    await one.world.remove('Node', 'n1', '');
    one.step(120);
    await one.pass(60, () => one.report('n2'));
    expect(one.world.state.get('Node', '', 'n1')).toBeDefined();
    await one.pass(3, () => one.report('n2'));
    expect(one.world.state.get('Node', '', 'n1')).toBeUndefined();
  });
});
