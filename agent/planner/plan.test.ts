import { describe, expect, test } from '@jest/globals';
import { BOOT, container, exited, memoryOf, NOW, observed, planInput, pod } from '../testing/pods.ts';
import { absorb } from './absorb.ts';
import type { PodMemory } from './memory.ts';
import type { ObservedContainer } from './observed.ts';
import { plan, type PlanInput } from './plan.ts';

/** What is planned, after the memory has taken in what the engine shows; as `type container`. */
function planned(memory: PodMemory, own: readonly ObservedContainer[] = [], more: Partial<PlanInput> = {}): string[] {
  absorb(memory, own, { now: NOW, bootId: BOOT, busy: more.busy ?? new Set() });
  return plan(planInput([memory], own, more)).steps.map((step) =>
    'container' in step ? `${step.type} ${step.container}` : step.type,
  );
}

const fencedPod = () => pod('db', {}, { annotations: { 'terrane.dev/fenced': 'true' } });

describe('fenced pods on a host without a lease', () => {
  const lapsed = { at: NOW - 4_000, graceSeconds: 10 };

  test('are stopped in the time that is left, however long their own grace period is', () => {
    const db = fencedPod();
    const { steps } = plan(planInput([memoryOf(db)], [observed(db)], { lapsed }));
    expect(steps).toEqual([
      expect.objectContaining({ type: 'stopContainer', id: 'db-main-0', graceSeconds: 6, reason: 'LeaseExpired' }),
    ]);
  });

  test('are not started, and a start under way is given up', () => {
    const db = fencedPod();
    expect(plan(planInput([memoryOf(db)], [], { lapsed })).steps).toEqual([]);
    const busy = new Set(['uid-db/main']);
    expect(plan(planInput([memoryOf(db)], [], { lapsed, busy })).steps).toEqual([
      expect.objectContaining({ type: 'cancelStep', cancel: 'uid-db/main' }),
    ]);
  });

  test('are killed when a stop under way takes longer than there is time, also one that began before', () => {
    const db = fencedPod();
    const busy = new Set(['uid-db/main']);
    const late = { at: NOW - 11_000, graceSeconds: 10 };
    const kill = [expect.objectContaining({ type: 'killContainer', id: 'db-main-0' })];
    expect(plan(planInput([memoryOf(db)], [observed(db)], { lapsed: late, busy })).steps).toEqual(kill);
    const ending = memoryOf(db, { ending: { since: NOW - 12_000, graceSeconds: 300 } });
    expect(plan(planInput([ending], [observed(db)], { lapsed: late, busy })).steps).toEqual(kill);
  });

  test('stop alone: other pods run on, and start', () => {
    const web = pod();
    expect(plan(planInput([memoryOf(web)], [observed(web)], { lapsed })).steps).toEqual([]);
    expect(plan(planInput([memoryOf(web)], [], { lapsed })).steps).toEqual([expect.objectContaining({ type: 'startContainer' })]);
  });

  test('start again when there is a lease', () => {
    const db = fencedPod();
    const containers = {
      main: { attempt: 0, backoffMs: 0, ended: { exitCode: 143, reason: 'Error', finishedAt: NOW, containerId: 'x' } },
    };
    const { steps } = plan(planInput([memoryOf(db, { containers })], [observed(db, 'main', exited(143))]));
    expect(steps).toEqual([expect.objectContaining({ type: 'startContainer', attempt: 1 })]);
  });
});

describe('starting', () => {
  test('a pod of one container needs no pause container', () => {
    expect(planned(memoryOf())).toEqual(['startContainer main']);
  });

  test('a pod of several containers gets its network first, then all of them at once', () => {
    const two = pod('two', { containers: [container('a'), container('b')] });
    expect(planned(memoryOf(two))).toEqual(['startSandbox']);
    const pause = observed(two, 'POD');
    expect(planned(memoryOf(two), [pause])).toEqual(['startContainer a', 'startContainer b']);
  });

  test('on the host network there is none to share', () => {
    const two = pod('two', { hostNetwork: true, containers: [container('a'), container('b')] });
    expect(planned(memoryOf(two))).toEqual(['startContainer a', 'startContainer b']);
  });

  test('a container that asks for its pod address gets a network whose address is known before', () => {
    const asks = pod('asks', {
      containers: [container('main', { env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] })],
    });
    expect(planned(memoryOf(asks))).toEqual(['startSandbox']);
  });

  test('nothing is started twice while a start is under way', () => {
    expect(planned(memoryOf(), [], { busy: new Set(['uid-web/main']) })).toEqual([]);
  });

  test('a running container is left alone', () => {
    const memory = memoryOf();
    expect(planned(memory, [observed(memory.pod)])).toEqual([]);
  });

  test('a container left over from a broken start is removed before the next try', () => {
    const memory = memoryOf();
    expect(planned(memory, [observed(memory.pod, 'main', { state: 'created' })])).toEqual(['removeContainer main']);
  });
});

describe('init containers', () => {
  const spec = pod('web', { initContainers: [container('one'), container('two')] });

  test('run one after the other, and the others only then', () => {
    const memory = memoryOf(spec);
    expect(planned(memory)).toEqual(['startContainer one']);
    expect(planned(memory, [observed(spec, 'one')])).toEqual([]);
    const one = observed(spec, 'one', exited(0));
    expect(planned(memory, [one])).toEqual(['startContainer two']);
    const two = observed(spec, 'two', exited(0));
    expect(planned(memory, [one, two])).toEqual(['finishInit']);
    memory.initDoneBoot = BOOT;
    expect(planned(memory, [one, two])).toEqual(['startContainer main']);
  });

  test('one that fails is tried again, with Never it fails the pod', () => {
    const failedOnce = observed(spec, 'one', exited(1));
    expect(planned(memoryOf(spec), [failedOnce])).toEqual(['startContainer one']);
    const never = pod('web', { ...spec.spec, restartPolicy: 'Never' });
    expect(planned(memoryOf(never), [observed(never, 'one', exited(1))])).toEqual([]);
  });

  test('run again after a reboot, since what they set up may be gone', () => {
    const memory = memoryOf(spec, { initDoneBoot: 'boot-0' });
    memory.containers.one = { attempt: 0, backoffMs: 0, startedBoot: 'boot-0' };
    expect(planned(memory, [observed(spec, 'one', exited(0))])).toEqual(['startContainer one']);
  });
});

describe('restarting', () => {
  const crashed = observed(pod(), 'main', exited(1));

  test('a container that ended is started again at once, the first time', () => {
    expect(planned(memoryOf(), [crashed])).toEqual(['startContainer main']);
  });

  test('after further failures only when its back-off is over, and the plan says when', () => {
    const memory = memoryOf();
    memory.containers.main = { attempt: 0, backoffMs: 20_000, startedBoot: BOOT };
    absorb(memory, [crashed], { now: NOW, bootId: BOOT, busy: new Set() });
    const waiting = plan(planInput([memory], [crashed]));
    expect(waiting).toMatchObject({ steps: [{ type: 'announceBackoff', attempt: 0 }], wakeAt: NOW - 1000 + 20_000 });
    memory.containers.main.announced = 0;
    expect(plan(planInput([memory], [crashed])).steps).toEqual([]);
    const later = plan(planInput([memory], [crashed], { now: NOW + 19_000 }));
    expect(later.steps).toMatchObject([{ type: 'startContainer', attempt: 1 }]);
  });

  test.each([
    ['Always', 0, ['startContainer main']],
    ['Always', 1, ['startContainer main']],
    ['OnFailure', 0, []],
    ['OnFailure', 1, ['startContainer main']],
    ['Never', 0, []],
    ['Never', 1, []],
  ] as const)('policy %s, exit code %i', (restartPolicy, exitCode, steps) => {
    const memory = memoryOf(pod('web', { restartPolicy }));
    expect(planned(memory, [observed(memory.pod, 'main', exited(exitCode))])).toEqual(steps);
  });

  test('a clock that was set back keeps nothing waiting', () => {
    const memory = memoryOf(pod('web', { activeDeadlineSeconds: 3600 }));
    const ended = observed(memory.pod, 'main', exited(1, { finishedAt: NOW + 7_200_000 }));
    memory.containers.main = { attempt: 0, backoffMs: 10_000, startedBoot: BOOT };
    absorb(memory, [ended], { now: NOW, bootId: BOOT, busy: new Set() });
    expect(plan(planInput([memory], [ended])).wakeAt).toBe(NOW + 10_000);
    absorb(memory, [ended], { now: NOW - 3_600_000, bootId: BOOT, busy: new Set() });
    expect(plan(planInput([memory], [ended], { now: NOW - 3_590_000 })).steps).toMatchObject([{ type: 'startContainer' }]);
  });

  test('a container that somebody removed comes back', () => {
    const memory = memoryOf();
    memory.containers.main = { attempt: 0, backoffMs: 0, startedBoot: BOOT };
    expect(planned(memory, [])).toEqual(['startContainer main']);
  });

  test('with Never it does not, and the pod has failed', () => {
    const memory = memoryOf(pod('job', { restartPolicy: 'Never' }));
    memory.containers.main = { attempt: 0, backoffMs: 0, startedBoot: BOOT };
    expect(planned(memory, [])).toEqual([]);
    expect(memory.containers.main.ended).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });

  test('a container that failed its liveness probe is stopped', () => {
    const memory = memoryOf();
    const running = observed(memory.pod);
    const unhealthy = new Map([[running.id, { message: 'failed liveness probe', graceSeconds: 3 }]]);
    absorb(memory, [running], { now: NOW, bootId: BOOT, busy: new Set() });
    expect(plan(planInput([memory], [running], { unhealthy })).steps).toMatchObject([{ type: 'stopContainer', graceSeconds: 3 }]);
  });

  test('a new image stops the old container, and its end starts the new one whatever the back-off', () => {
    const memory = memoryOf(pod('web', { containers: [container('main', { image: 'app:2' })] }));
    memory.containers.main = { attempt: 0, backoffMs: 300_000, startedBoot: BOOT };
    expect(planned(memory, [observed(pod())])).toEqual(['stopContainer main']);
    expect(planned(memory, [observed(pod(), 'main', exited(143))])).toEqual(['startContainer main']);
  });

  test('of dead containers the last two attempts are kept', () => {
    const memory = memoryOf();
    const attempts = [0, 1, 2].map((attempt) => observed(memory.pod, 'main', exited(1, { attempt })));
    const running = observed(memory.pod, 'main', { attempt: 3 });
    const steps = plan(planInput([memory], [...attempts, running])).steps;
    expect(steps).toMatchObject([
      { type: 'removeContainer', id: 'web-main-1' },
      { type: 'removeContainer', id: 'web-main-0' },
    ]);
  });

  test('an older attempt that somebody started by hand is stopped', () => {
    const memory = memoryOf();
    const old = observed(memory.pod);
    const current = observed(memory.pod, 'main', { attempt: 1 });
    expect(plan(planInput([memory], [old, current])).steps).toMatchObject([{ type: 'stopContainer', id: old.id }]);
  });

  test('a pod whose network is lost stops as a whole and starts in a new one', () => {
    const two = pod('two', { containers: [container('a'), container('b')] });
    const dead = observed(two, 'POD', exited(137));
    const a = observed(two, 'a', { sandbox: dead.id });
    const memory = memoryOf(two);
    expect(planned(memory, [dead, a])).toEqual(['removeContainer POD', 'stopContainer a']);
    const next = observed(two, 'POD', { attempt: 1 });
    expect(planned(memory, [next, a])).toEqual(['stopContainer a', 'startContainer b']);
  });
});

describe('ending', () => {
  const ending = { since: NOW - 10_000, graceSeconds: 30 };

  test('a container gets what is left of the time', () => {
    const memory = memoryOf(pod(), { ending });
    expect(plan(planInput([memory], [observed(memory.pod)])).steps).toMatchObject([{ type: 'stopContainer', graceSeconds: 20 }]);
  });

  test('a stop that was promised more time than is left now is cut short', () => {
    const memory = memoryOf(pod(), { ending: { since: NOW - 10_000, graceSeconds: 5 } });
    const steps = planned(memory, [observed(memory.pod)], { busy: new Set(['uid-web/main']) });
    expect(steps).toEqual(['killContainer main']);
  });

  test('a start that is under way is given up', () => {
    const memory = memoryOf(pod(), { ending });
    expect(planned(memory, [], { busy: new Set(['uid-web/main']) })).toEqual(['cancelStep']);
  });

  test('the pause container goes after the others, then all are removed, then what is on the disk', () => {
    const two = pod('two', { containers: [container('a'), container('b')] });
    const memory = memoryOf(two, { ending });
    const pause = observed(two, 'POD');
    const [a, b] = ['a', 'b'].map((name) => observed(two, name, exited(0)));
    expect(planned(memory, [pause, observed(two, 'a'), b!])).toEqual(['stopContainer a']);
    expect(planned(memory, [pause, a!, b!])).toEqual(['killContainer POD']);
    const dead = observed(two, 'POD', exited(137));
    expect(planned(memory, [dead, a!, b!])).toEqual(['removeContainer POD', 'removeContainer a', 'removeContainer b']);
    expect(planned(memory, [])).toEqual(['cleanPod']);
    memory.gone = true;
    expect(planned(memory, [])).toEqual([]);
  });

  test('a pod over its deadline is stopped, and its dead containers stay for their logs', () => {
    const memory = memoryOf(pod('web', { activeDeadlineSeconds: 30 }));
    expect(planned(memory, [observed(memory.pod)])).toEqual(['failPod']);
    memory.failed = { reason: 'DeadlineExceeded', message: '' };
    expect(planned(memory, [observed(memory.pod)])).toEqual(['stopContainer main']);
    expect(planned(memory, [observed(memory.pod, 'main', exited(143))])).toEqual([]);
  });

  test('a pod that has finished keeps its dead containers too, but not its network', () => {
    const two = pod('two', { restartPolicy: 'Never', containers: [container('a'), container('b')] });
    const ended = ['a', 'b'].map((name) => observed(two, name, exited(0)));
    expect(planned(memoryOf(two), [observed(two, 'POD'), ...ended])).toEqual(['killContainer POD']);
  });

  test('containers of a pod that nobody remembers are stopped with the time their label gives, and removed', () => {
    const stray = observed(pod('stray'), 'main', { graceSeconds: 7 });
    expect(plan(planInput([], [stray])).steps).toMatchObject([{ type: 'stopContainer', graceSeconds: 7 }]);
    expect(plan(planInput([], [{ ...stray, state: 'exited' }])).steps).toMatchObject([{ type: 'removeContainer' }]);
  });
});

describe('volumes', () => {
  const volumes = (wanted: string, written: string | undefined) => new Map([['uid-web', { wanted, written }]]);

  test('are written anew when their configuration changed', () => {
    const memory = memoryOf();
    const running = [observed(memory.pod)];
    expect(planned(memory, running, { volumes: volumes('v1', 'v1') })).toEqual([]);
    expect(planned(memory, running, { volumes: volumes('v2', 'v1') })).toEqual(['refreshVolumes']);
  });

  test('of containers that were adopted are looked at once', () => {
    const memory = memoryOf();
    expect(planned(memory, [observed(memory.pod)], { volumes: volumes('v1', undefined) })).toEqual(['refreshVolumes']);
  });
});
