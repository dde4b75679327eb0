import { describe, expect, test } from '@jest/globals';
import type { AssignedUnit } from '../../core/node/assigned-unit.ts';
import type { Launch, ObservedUnit, SystemdState } from './observed.ts';
import { planUnits, type UnitPlanInput } from './plan-units.ts';

const NAME = 'web.service';
const OURS = `/run/systemd/system/${NAME}`;
const FILE = { uid: 'u1', hash: 'h1' };

const unit = (rest: Partial<AssignedUnit> = {}): AssignedUnit => ({
  name: NAME,
  uid: 'u1',
  placement: 1,
  contents: '[Service]\n',
  hash: 'h1',
  desired: 'launched',
  generation: 1,
  fenced: false,
  ...rest,
});
const state = (rest: Partial<SystemdState> = {}): SystemdState => ({
  loadState: 'loaded',
  activeState: 'inactive',
  subState: 'dead',
  fragmentPath: OURS,
  invocationId: '',
  jobId: 0,
  since: undefined,
  needsReload: false,
  loadError: '',
  ...rest,
});
const launch = (rest: Partial<Launch> = {}): Launch => ({
  uid: 'u1',
  generation: 1,
  starting: false,
  invocationBefore: '',
  ...rest,
});
const UNKNOWN = state({ loadState: 'not-found', fragmentPath: '' });
const RUNNING = state({ activeState: 'active', subState: 'running', invocationId: 'a' });

function plan(
  assigned: AssignedUnit | undefined,
  seen: Partial<ObservedUnit>,
  rest: Partial<UnitPlanInput> & { launch?: Launch } = {},
) {
  const input: UnitPlanInput = {
    now: 1000,
    units: assigned ? [assigned] : [],
    observed: new Map([[NAME, { file: undefined, state: undefined, ...seen }]]),
    launches: new Map(rest.launch ? [[NAME, rest.launch]] : []),
    busy: new Set(),
    stale: false,
    pathOf: (name) => `/run/systemd/system/${name}`,
    ...rest,
  };
  return planUnits(input);
}
const steps = (...args: Parameters<typeof plan>) => plan(...args).steps.map(({ type }) => type);

describe('a unit that is to run', () => {
  test('is written, read by systemd, and started, one after the other', () => {
    expect(steps(unit(), { state: UNKNOWN })).toEqual(['writeUnit']);
    expect(steps(unit(), { state: UNKNOWN, file: FILE }, { stale: true })).toEqual(['reload']);
    // It waits for what is being written, and not for what can't be.
    const absent = { state: UNKNOWN };
    expect(steps(unit(), absent, { stale: true })).toEqual(['writeUnit']);
    expect(steps(unit(), absent, { stale: true, held: () => true })).toEqual(['writeUnit', 'reload']);
    expect(steps(unit(), { state: state(), file: FILE })).toEqual(['startUnit']);
  });

  test('is started once for a generation, however it ended', () => {
    for (const seen of [RUNNING, state(), state({ activeState: 'failed' })]) {
      expect(steps(unit(), { state: seen, file: FILE }, { launch: launch() })).toEqual([]);
    }
    expect(steps(unit({ generation: 2 }), { state: RUNNING, file: FILE }, { launch: launch() })).toEqual(['startUnit']);
  });

  test('is started again if it was being stopped when it came to be wanted again', () => {
    const stopped = launch({ stopping: true });
    for (const seen of [RUNNING, state({ activeState: 'deactivating', jobId: 8 }), state()])
      expect(steps(unit(), { state: seen, file: FILE }, { launch: stopped })).toEqual(['startUnit']);
  });

  test('is waited for while its start is under way', () => {
    expect(
      steps(
        unit(),
        { state: state({ activeState: 'activating', jobId: 7 }), file: FILE },
        { launch: launch({ starting: true }) },
      ),
    ).toEqual([]);
  });

  test('stops under its old text before it gets a new one, or another takes its name', () => {
    for (const changed of [unit({ hash: 'h2', generation: 2 }), unit({ uid: 'u2' })]) {
      expect(steps(changed, { state: RUNNING, file: FILE }, { launch: launch() })).toEqual(['stopUnit']);
      expect(steps(changed, { state: state(), file: FILE }, { launch: launch() })).toEqual(['forgetLaunch']);
      expect(steps(changed, { state: state(), file: FILE })).toEqual(['writeUnit']);
    }
  });

  test('is not started as long as systemd knows another text, or none', () => {
    expect(steps(unit(), { state: state({ needsReload: true }), file: FILE })).toEqual(['reload']);
    expect(steps(unit(), { state: UNKNOWN, file: FILE })).toEqual(['reload']);
    expect(steps(unit(), { state: state({ loadState: 'bad-setting' }), file: FILE })).toEqual([]);
  });

  test('is left alone while a step of it is under way, or systemd has not been asked', () => {
    expect(steps(unit(), { state: UNKNOWN }, { busy: new Set([NAME]) })).toEqual([]);
    expect(steps(unit(), {})).toEqual([]);
  });
});

describe('a unit that is not to run', () => {
  test('stops, and is forgotten to have been started, when it is to be loaded only', () => {
    const loaded = unit({ desired: 'loaded', generation: 2 });
    expect(steps(loaded, { state: RUNNING, file: FILE }, { launch: launch() })).toEqual(['stopUnit']);
    expect(steps(loaded, { state: state(), file: FILE }, { launch: launch() })).toEqual(['forgetLaunch']);
    expect(steps(loaded, { state: state(), file: FILE })).toEqual([]);
  });

  test('may run when it is loaded and another unit started it', () => {
    expect(steps(unit({ desired: 'loaded' }), { state: RUNNING, file: FILE })).toEqual([]);
  });

  test('stops and is removed when it is absent or not assigned any more', () => {
    for (const gone of [unit({ desired: 'absent' }), undefined]) {
      expect(steps(gone, { state: RUNNING, file: FILE }, { launch: launch() })).toEqual(['stopUnit']);
      expect(steps(gone, { state: state({ activeState: 'deactivating', jobId: 3 }), file: FILE })).toEqual([]);
      expect(steps(gone, { state: state(), file: FILE })).toEqual(['removeUnit']);
      expect(steps(gone, { state: state() })).toEqual([]);
    }
  });
});

describe('a unit that has to leave, and takes long to stop', () => {
  const absent = unit({ desired: 'absent', stopSeconds: 900 });
  const stopping = state({ activeState: 'deactivating', jobId: 3, since: 50_000 });

  test('is told to stop though it is stopping, if only to be started anew: it had been wanted again meanwhile', () => {
    const again = launch({ starting: true, job: 3 });
    expect(steps(absent, { state: stopping, file: FILE }, { now: 60_000, launch: again })).toEqual(['stopUnit']);
    expect(steps(absent, { state: stopping, file: FILE }, { now: 60_000, launch: { ...again, stopping: true } })).toEqual([]);
  });

  test('is killed when its time is over, which is worth an Event; the next agent goes on counting', () => {
    const started = launch({ stopping: true, stoppingSince: 10_000 });
    const at = (now: number) => plan(absent, { state: stopping, file: FILE }, { now, launch: started });
    expect(at(909_999)).toEqual({ steps: [], wakeAt: 910_000 });
    expect(at(910_000).steps).toEqual([{ type: 'killUnit', name: NAME, tell: 'it had not stopped after 900 s, and was killed' }]);
  });

  test('has ten minutes if nobody says how long, from when it can be known that it stops', () => {
    const at = (now: number) => plan(undefined, { state: stopping, file: FILE }, { now });
    expect(at(649_999)).toEqual({ steps: [], wakeAt: 650_000 });
    expect(at(650_000).steps).toMatchObject([{ type: 'killUnit' }]);
    // One that runs again, by whoever's will, is stopped again.
    expect(steps(undefined, { state: RUNNING, file: FILE }, { now: 650_000 })).toEqual(['stopUnit']);
  });

  test('has no longer than its host holds the lease, if it is fenced, or was when it was written and nobody assigns it any more', () => {
    const fenced = unit({ desired: 'absent', fenced: true });
    const lapsed = { at: 60_000, graceSeconds: 10 };
    const at = (now: number) => plan(fenced, { state: stopping, file: FILE }, { now, lapsed });
    expect(at(60_000)).toEqual({ steps: [], wakeAt: 70_000 });
    expect(at(70_000).steps).toEqual([{ type: 'killUnit', name: NAME }]);
    expect(plan(absent, { state: stopping, file: FILE }, { now: 70_000, lapsed }).steps).toEqual([]);
    const left = { ...FILE, fenced: true };
    expect(steps(undefined, { state: stopping, file: left }, { now: 70_000, lapsed })).toEqual(['killUnit']);
    expect(steps(absent, { state: stopping, file: left }, { now: 70_000, lapsed })).toEqual([]);
  });
});

describe("the host's own units", () => {
  const theirs = { ...RUNNING, fragmentPath: '/etc/systemd/system/web.service' };

  test('are not written over, started or stopped, whatever is assigned', () => {
    for (const desired of ['launched', 'loaded', 'absent'] as const)
      expect(steps(unit({ desired }), { state: theirs })).toEqual([]);
    expect(steps(unit(), { state: state({ loadState: 'masked', fragmentPath: '' }) })).toEqual([]);
    // As system.slice is, which every service runs in.
    expect(steps(unit(), { state: { ...RUNNING, fragmentPath: '' } })).toEqual([]);
  });

  test('run on when they hide a file of ours, which goes', () => {
    expect(steps(undefined, { state: theirs, file: FILE })).toEqual(['removeUnit']);
  });
});

test('a fenced unit whose file is from before such files said so gets a new one, and runs on', () => {
  const seen = (fenced: boolean) => ({ state: RUNNING, file: { ...FILE, fenced } });
  expect(steps(unit({ fenced: true }), seen(false), { launch: launch() })).toEqual(['writeUnit']);
  expect(steps(unit({ fenced: true }), seen(true), { launch: launch() })).toEqual([]);
  expect(steps(unit(), seen(false), { launch: launch() })).toEqual([]);
});

describe('a fenced unit without a lease', () => {
  const fenced = unit({ fenced: true });
  const lapsed = { at: 500, graceSeconds: 1 };

  test('stops, is looked at again when its time is over, and is killed then', () => {
    expect(steps(fenced, { state: RUNNING, file: FILE }, { lapsed, launch: launch() })).toEqual(['stopUnit']);
    const stopping = state({ activeState: 'deactivating', jobId: 3 });
    expect(plan(fenced, { state: stopping, file: FILE }, { lapsed, launch: launch() })).toEqual({ steps: [], wakeAt: 1500 });
    expect(steps(fenced, { state: stopping, file: FILE }, { lapsed, now: 1500, launch: launch() })).toEqual(['killUnit']);
  });

  test('stops though systemd has yet to read its file, or those of others', () => {
    const unread = { state: { ...RUNNING, needsReload: true }, file: FILE };
    expect(steps(fenced, unread, { lapsed, launch: launch(), stale: true })).toContain('stopUnit');
  });

  test('starts anew once the lease is held', () => {
    expect(steps(fenced, { state: state(), file: FILE }, { lapsed, launch: launch() })).toEqual(['forgetLaunch']);
    expect(steps(fenced, { state: state(), file: FILE }, { lapsed })).toEqual([]);
    expect(steps(fenced, { state: state(), file: FILE })).toEqual(['startUnit']);
  });

  test('has no say over one that is not fenced', () => {
    expect(steps(unit(), { state: RUNNING, file: FILE }, { lapsed, launch: launch() })).toEqual([]);
  });

  test('that was started under a lease that is over is started anew, whether the fence guard has stopped it yet or not', () => {
    const fenced = unit({ fenced: true });
    const under = (lease: number | undefined, file = FILE, seen = state()) =>
      steps(fenced, { file, state: seen }, { launch: launch(lease === undefined ? {} : { lease }), lease: 7 });
    expect(under(7)).toEqual([]);
    expect(under(5)).toEqual(['startUnit']);
    expect(under(5, FILE, RUNNING)).toEqual(['startUnit']);
    // By an agent from before.
    expect(under(undefined)).toEqual([]);
    expect(steps(unit(), { file: FILE, state: state() }, { launch: launch({ lease: 5 }), lease: 7 })).toEqual([]);
  });
});
