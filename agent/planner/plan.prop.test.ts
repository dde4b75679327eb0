import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { applyAssignment } from '../assignment-state.ts';
import type { ContainerDetails } from '../docker/types.ts';
import { labelsOf, observedFrom } from '../runtime/labels.ts';
import { container, NOW, pod } from '../testing/pods.ts';
import { absorb } from './absorb.ts';
import { containerMemory, type PodMemory } from './memory.ts';
import { PAUSE_CONTAINER, type ObservedContainer } from './observed.ts';
import { plan } from './plan.ts';
import { graceSeconds, needsSandbox, specHash } from './pod-rules.ts';
import { recordStarted, recordStartError } from './record.ts';
import type { Step } from './steps.ts';

/** The planner in a world of its own: an engine that does what steps say, unless chaos has it otherwise. */

const OWNER = 'cluster/host-1';
const FOREIGN = 'cluster/host-2';
const PODS: readonly Pod[] = [
  pod('single'),
  pod('pair', { containers: [container('a'), container('b')] }),
  pod('prepared', { initContainers: [container('init')] }),
  pod('job', { restartPolicy: 'OnFailure' }),
  pod('once', { restartPolicy: 'Never' }),
];

type Chaos =
  | { readonly kind: 'step'; readonly pick: number; readonly fate: 'ok' | 'refused' | 'unheard' | 'unrunnable' }
  | { readonly kind: 'exit'; readonly pick: number; readonly exitCode: number }
  | { readonly kind: 'remove'; readonly pick: number }
  | { readonly kind: 'startOld'; readonly pick: number }
  | { readonly kind: 'assign'; readonly mask: number }
  | { readonly kind: 'image'; readonly pick: number }
  | { readonly kind: 'agentRestart'; readonly forgetful: boolean }
  | { readonly kind: 'reboot' }
  | { readonly kind: 'wait'; readonly seconds: number };

const chaos: fc.Arbitrary<Chaos> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      pick: fc.nat(),
      fate: fc.constantFrom('ok', 'ok', 'ok', 'refused', 'unheard', 'unrunnable'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('exit' as const), pick: fc.nat(), exitCode: fc.constantFrom(0, 1, 137) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('startOld' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('assign' as const), mask: fc.nat(31) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('image' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('agentRestart' as const), forgetful: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reboot' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(400) }) },
);

class World {
  now = NOW;
  boot = 1;
  pods = new Map<string, PodMemory>();
  assigned: Pod[] = [];
  readonly engine = new Map<string, ContainerDetails>();
  /** Steps that were planned and whose end the agent has not heard of. */
  readonly underWay = new Map<string, Step>();
  #ids = 0;

  constructor() {
    // Somebody else's container of the very same pod name, and one that has nothing to do with us.
    this.#make(FOREIGN, PODS[0]!, 'main', 'main', 7, undefined, 'running');
    const stranger = this.#make(OWNER, PODS[0]!, 'main', 'main', 8, undefined, 'running');
    this.engine.set(stranger, { ...this.engine.get(stranger)!, Config: { Image: 'x', Labels: {} } });
  }

  #make(
    owner: string,
    of: Pod,
    name: string,
    kind: ObservedContainer['kind'],
    attempt: number,
    sandbox: string | undefined,
    status: 'running' | 'created',
  ): string {
    const spec = [...of.spec.containers, ...(of.spec.initContainers ?? [])].find((one) => one.name === name);
    const { uid, name: podName, namespace = '' } = of.metadata;
    const identity = { podUid: uid, namespace, podName, container: name, kind, attempt, sandbox, graceSeconds: graceSeconds(of) };
    const id = `id-${++this.#ids}`;
    this.engine.set(id, {
      Id: id,
      Name: `/${uid}.${name}.${attempt}.${owner}`,
      Created: '',
      Image: 'sha256:1',
      State: { ...STOPPED, Status: status, Running: status === 'running', StartedAt: status === 'running' ? this.text() : ZERO },
      Config: { Image: spec?.image ?? '', Labels: labelsOf(owner, { ...identity, specHash: spec ? specHash(spec) : '' }) },
    });
    return id;
  }

  text(): string {
    return new Date(this.now).toISOString();
  }

  end(id: string, exitCode: number): void {
    const found = this.engine.get(id);
    if (!found?.State.Running) return;
    const State = { ...found.State, Status: 'exited' as const, Running: false, ExitCode: exitCode, FinishedAt: this.text() };
    this.engine.set(id, { ...found, State });
  }

  observed(): Map<string, ObservedContainer[]> {
    const byPod = new Map<string, ObservedContainer[]>();
    for (const details of this.engine.values()) {
      const seen = observedFrom(details, OWNER);
      if (seen) byPod.set(seen.podUid, [...(byPod.get(seen.podUid) ?? []), seen]);
    }
    return byPod;
  }

  own(): ObservedContainer[] {
    return [...this.observed().values()].flat();
  }

  plan(): void {
    const observed = this.observed();
    const busy = new Set(this.underWay.keys());
    const bootId = `boot-${this.boot}`;
    for (const memory of this.pods.values())
      absorb(memory, observed.get(memory.pod.metadata.uid) ?? [], { now: this.now, bootId, busy });
    const input = {
      now: this.now,
      bootId,
      pods: [...this.pods.values()],
      observed,
      busy,
      unhealthy: new Map(),
      volumes: new Map(),
    };
    const { steps, wakeAt } = plan(input);
    for (const step of steps) {
      if (this.underWay.has(step.key)) throw new Error(`${step.key} is planned while it is under way`);
      if ('id' in step && !observedFrom(this.engine.get(step.id)!, OWNER)) throw new Error(`${step.id} is not ours`);
      this.underWay.set(step.key, step);
    }
    this.wakeAt = wakeAt;
  }
  wakeAt: number | undefined;

  /** The engine and the executor do a step; `unheard`: done, but the agent learns nothing of it. */
  execute(step: Step, fate: (Chaos & { kind: 'step' })['fate']): void {
    this.underWay.delete(step.key);
    if (fate === 'refused') return;
    const memory = this.pods.get(step.podUid);
    switch (step.type) {
      case 'startSandbox':
        if (memory && !this.nameTaken(step.podUid, PAUSE_CONTAINER, step.attempt)) {
          this.#make(OWNER, memory.pod, PAUSE_CONTAINER, 'pause', step.attempt, undefined, 'running');
        }
        return;
      case 'startContainer': {
        if (!memory || this.nameTaken(step.podUid, step.container, step.attempt)) return;
        const pause = this.observed()
          .get(step.podUid)
          ?.find((c) => c.kind === 'pause' && c.state === 'running');
        if (needsSandbox(memory.pod) && !pause) return;
        const sandbox = needsSandbox(memory.pod) ? pause?.id : undefined;
        const id = this.#make(
          OWNER,
          memory.pod,
          step.container,
          step.kind,
          step.attempt,
          sandbox,
          fate === 'unheard' ? 'created' : 'running',
        );
        if (fate === 'unheard') return;
        const started = { attempt: step.attempt, bootId: `boot-${this.boot}`, containerId: id, now: this.now };
        if (fate === 'unrunnable') {
          this.engine.delete(id);
          recordStartError(containerMemory(memory, step.container), started, 'no such file');
        } else recordStarted(containerMemory(memory, step.container), started);
        return;
      }
      case 'stopContainer':
        return this.end(step.id, 143);
      case 'killContainer':
        return this.end(step.id, 137);
      case 'removeContainer':
        if (!this.engine.get(step.id)?.State.Running) this.engine.delete(step.id);
        return;
      case 'cleanPod':
        if (memory?.ending) memory.gone = true;
        return;
      case 'finishInit':
        if (memory) memory.initDoneBoot = `boot-${this.boot}`;
        return;
      case 'failPod':
        if (memory) memory.failed = step;
        return;
      case 'announceBackoff':
        if (memory) containerMemory(memory, step.container).announced = step.attempt;
        return;
      case 'refreshVolumes':
      case 'cancelStep':
        return;
    }
  }

  nameTaken(uid: string, name: string, attempt: number): boolean {
    return this.own().some((c) => c.podUid === uid && c.container === name && c.attempt === attempt);
  }

  assign(pods: Pod[]): void {
    this.assigned = pods;
    applyAssignment(this.pods, pods, this.now);
  }

  apply(event: Chaos): void {
    const choose = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(list.length, 1)];
    switch (event.kind) {
      case 'step': {
        const step = choose([...this.underWay.values()], event.pick);
        if (step) this.execute(step, event.fate);
        return;
      }
      case 'exit': {
        const one = choose(
          this.own().filter((c) => c.state === 'running'),
          event.pick,
        );
        if (one) this.end(one.id, event.exitCode);
        return;
      }
      case 'remove': {
        const one = choose(this.own(), event.pick);
        if (one) this.engine.delete(one.id);
        return;
      }
      case 'startOld': {
        const one = choose(
          this.own().filter((c) => c.state === 'exited'),
          event.pick,
        );
        // Somebody's hand; not beside one that runs, for then it is theirs that there are two.
        if (!one || this.own().some((c) => c.podUid === one.podUid && c.container === one.container && c.state === 'running'))
          return;
        if ([...this.underWay.values()].some((step) => 'container' in step && step.podUid === one.podUid)) return;
        const found = this.engine.get(one.id)!;
        this.engine.set(one.id, {
          ...found,
          State: { ...found.State, Status: 'running', Running: true, StartedAt: this.text() },
        });
        return;
      }
      case 'assign':
        return this.assign(PODS.filter((_, i) => event.mask & (1 << i)));
      case 'image': {
        const changed = choose(this.assigned, event.pick);
        if (!changed) return;
        const containers = changed.spec.containers.map((one) => ({ ...one, image: `app:${event.pick % 3}` }));
        return this.assign(this.assigned.map((one) => (one === changed ? { ...one, spec: { ...one.spec, containers } } : one)));
      }
      case 'agentRestart':
        // What was under way is done or not; nobody knows.
        this.underWay.clear();
        if (event.forgetful) this.pods.clear();
        return this.assign(this.assigned);
      case 'reboot':
        this.underWay.clear();
        for (const one of this.own()) this.end(one.id, 137);
        this.boot++;
        return;
      case 'wait':
        this.now += event.seconds * 1000;
        return;
    }
  }

  /** Never two running containers for one of a pod, and nobody else's touched. */
  check(): void {
    const seen = new Set<string>();
    for (const one of this.own()) {
      if (one.state !== 'running') continue;
      const key = `${one.podUid}/${one.container}`;
      if (seen.has(key)) throw new Error(`two containers run for ${key}`);
      seen.add(key);
    }
    const foreign = [...this.engine.values()].filter((details) => !observedFrom(details, OWNER));
    if (foreign.length !== 2 || foreign.some(({ State }) => !State.Running)) throw new Error('a foreign container was touched');
  }
}

const ZERO = '0001-01-01T00:00:00Z';
const STOPPED = {
  Status: 'created' as const,
  Running: false,
  Pid: 0,
  ExitCode: 0,
  OOMKilled: false,
  Error: '',
  StartedAt: ZERO,
  FinishedAt: ZERO,
};

describe('whatever happens', () => {
  test('there are never two containers for one, foreign ones are left alone, and the host comes to match its assignment', () => {
    fc.assert(
      fc.property(fc.array(chaos, { maxLength: 60 }), fc.nat(31), (events, mask) => {
        const world = new World();
        world.apply({ kind: 'assign', mask });
        for (const event of events) {
          world.plan();
          world.apply(event);
          world.check();
        }
        // Calm: every step succeeds, init containers and jobs end well, time passes.
        for (let round = 0; round < 40; round++) {
          world.plan();
          const steps = [...world.underWay.values()];
          for (const step of steps) {
            world.execute(step, 'ok');
            world.check();
          }
          for (const one of world.own()) if (one.container === 'init') world.end(one.id, 0);
          if (steps.length === 0) world.now = Math.max(world.wakeAt ?? world.now + 1000, world.now + 1000);
        }
        world.plan();
        expect([...world.underWay.values()]).toEqual([]);
        const running = new Set(
          world
            .own()
            .filter((c) => c.state === 'running' && c.kind === 'main')
            .map((c) => `${c.podUid}/${c.container}`),
        );
        for (const { metadata, spec } of world.assigned) {
          for (const { name, image } of spec.containers) {
            const key = `${metadata.uid}/${name}`;
            const ended = world.pods.get(metadata.uid)?.containers[name]?.ended;
            if (spec.restartPolicy === 'Always') expect(running).toContain(key);
            else expect(running.has(key) || ended !== undefined).toBe(true);
            const one = world.own().find((c) => c.podUid === metadata.uid && c.container === name && c.state === 'running');
            if (one) expect(one.image).toBe(image);
          }
        }
        const wanted = new Set(world.assigned.map(({ metadata }) => metadata.uid));
        for (const one of world.own()) expect(wanted).toContain(one.podUid);
      }),
      { numRuns: 150, examples: [[[{ kind: 'assign', mask: 0 }, { kind: 'reboot' }, { kind: 'assign', mask: 2 }], 14]] },
    );
  });
});
