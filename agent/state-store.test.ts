import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment } from '../core/node/assignment.ts';
import { silentLogger } from '../core/ports/logger.ts';
import { newPodMemory } from './planner/memory.ts';
import { openState } from './state-store.ts';
import { NOW, pod } from './testing/pods.ts';
import { layoutOf } from './volumes/layout.ts';

let directory: string;
let problems: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trn-state-'));
  problems = 0;
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});
const open = () =>
  openState({ layout: layoutOf(directory), log: silentLogger, onProblem: () => problems++, delayMs: 0, retryMs: 10 });
const assignment = {
  cluster: 'c',
  node: {},
  revision: 3,
  pods: [pod()],
  configMaps: [],
  secrets: [],
  settings: { reportSeconds: 20, pollSeconds: 300 },
} as unknown as Assignment;

describe('what the agent remembers', () => {
  test('is there after a restart', async () => {
    const state = await open();
    await state.saveAssignment(assignment);
    state.pods.set('uid-web', newPodMemory(pod(), NOW));
    state.touch();
    await state.close();
    const again = await open();
    expect(again.assignment).toEqual(assignment);
    expect([...again.pods.keys()]).toEqual(['uid-web']);
    await again.close();
  });

  test('is not used when it is damaged, and stops nothing', async () => {
    writeFileSync(join(directory, 'assignment.json'), '{"cluster":');
    writeFileSync(join(directory, 'memory.json'), '{"version":2}');
    const state = await open();
    expect([state.assignment, state.pods.size]).toEqual([undefined, 0]);
    await state.close();
  });

  test('that can not be written is a problem until it can', async () => {
    const state = await open();
    // Stands where the file must go.
    mkdirSync(join(directory, 'assignment.json.new'));
    await state.saveAssignment(assignment);
    expect(state.problem()).toContain('EISDIR');
    rmdirSync(join(directory, 'assignment.json.new'));
    await state.saveAssignment(assignment);
    expect(state.problem()).toBeUndefined();
    expect(problems).toBe(2);
    expect(JSON.parse(readFileSync(join(directory, 'assignment.json'), 'utf8'))).toEqual(assignment);
    await state.close();
  });
});
