import { describe, expect, test } from '@jest/globals';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import { after, type Circumstances, type Journal, newJournal, nextStep, type Outcome, resumed } from './machine.ts';

const FOLLOWS: AssignedUpdate = {
  group: 'g',
  application: 'os',
  driver: 'apt',
  checkSeconds: 60,
  health: { timeoutSeconds: 60, units: [] },
};
const UPDATE = { package: 'os-2', version: '2', url: 'http://files/', files: [] };
const facts = (change: Partial<Circumstances> = {}): Circumstances => ({
  bootId: 'b1',
  uptime: 5_000,
  now: 1_000,
  takesTurns: true,
  bootsInto: false,
  ...change,
});
const OFFER: Outcome = { type: 'offered', update: UPDATE, staged: false };
const DONE: Outcome = { type: 'done' };
const failed = (error: 'downloadFailed' | 'unhealthy' | 'activateFailed', message = 'why'): Outcome => ({
  type: 'failed',
  error,
  message,
});
const through = (outcomes: readonly Outcome[], change: Partial<Circumstances> = {}): Journal =>
  outcomes.reduce((journal, outcome) => after(journal, outcome, facts(change)), newJournal(FOLLOWS));

describe('an update', () => {
  test('that runs at once is watched, kept, and told', () => {
    const journal = through([OFFER, DONE, DONE, DONE, { type: 'activated', how: 'running' }, DONE, DONE, DONE]);
    expect(journal).toEqual({
      format: 1,
      phase: 'idle',
      follows: FOLLOWS,
      news: [{ type: 'progress', progress: 'downloading' }, { type: 'progress', progress: 'downloaded' }, { type: 'complete' }],
    });
  });

  test('that disturbs nobody takes no turn', () => {
    expect(through([OFFER, DONE, DONE], { takesTurns: false }).phase).toBe('activate');
  });

  test('that fails before anything was touched is over at once, and is asked for again later and later', () => {
    let journal = newJournal(FOLLOWS);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      journal = after(after(journal, OFFER, facts()), failed('downloadFailed'), facts());
      waits.push((journal.askAgainAt! - facts().now) / 60_000);
    }
    expect(waits.slice(0, 4)).toEqual([10, 20, 40, 80]);
    expect(waits.at(-1)).toBe(24 * 60);
    expect(journal).toMatchObject({ phase: 'idle', failures: 10, failure: { error: 'downloadFailed', version: '2' } });
    expect(journal.news.at(-1)).toEqual({ type: 'error', code: 1002, message: 'why' });
  });

  test('that can not be taken back says so, and keeps its slot until the host is well', () => {
    const ill = through([
      OFFER,
      DONE,
      DONE,
      DONE,
      { type: 'activated', how: 'running' },
      failed('unhealthy', 'app.service is failed'),
    ]);
    expect(ill.phase).toBe('rollback');
    const stays = after(ill, { type: 'impossible' }, facts());
    expect(nextStep(stays)).toEqual({ type: 'recover' });
    expect(stays.news.at(-1)).toMatchObject({
      type: 'error',
      code: 1007,
      message: expect.stringMatching(/can not be taken back.*\napp.service/),
    });
    expect(nextStep(after(stays, DONE, facts()))).toEqual({ type: 'returnTurn' });
  });

  test('whose way back fails again and again is given up, with the first reason first', () => {
    let journal = through([OFFER, DONE, DONE, DONE, failed('activateFailed', 'dpkg said no')]);
    for (let i = 0; i < 5; i++) {
      expect(journal.phase).toBe('rollback');
      journal = after(journal, failed('activateFailed', 'still no'), facts());
    }
    expect(journal.phase).toBe('recover');
    expect(journal.failure).toMatchObject({ error: 'activateFailed', message: 'It could not go back: still no\ndpkg said no' });
  });

  test('is watched by the time since this boot, and not forever over boots', () => {
    const booting = through([OFFER, DONE, DONE, DONE, { type: 'activated', how: 'reboot' }]);
    expect(nextStep(booting)).toEqual({ type: 'reboot' });
    let journal = resumed(booting, '2', facts({ bootId: 'b2', uptime: 9_000 }));
    expect(nextStep(journal)).toEqual({ type: 'watch', update: UPDATE, until: 69_000 });
    for (const bootId of ['b3', 'b4', 'b5']) {
      journal = resumed(journal, '2', facts({ bootId, uptime: 1_000 }));
      expect(nextStep(journal)).toMatchObject({ type: 'watch', until: 61_000 });
    }
    journal = resumed(journal, '2', facts({ bootId: 'b6' }));
    expect(journal).toMatchObject({
      phase: 'rollback',
      failure: { error: 'unhealthy', message: expect.stringContaining('booted 4 times') },
    });
  });

  test('goes on after a mere restart of the agent where it was', () => {
    const booting = through([OFFER, DONE, DONE, DONE, { type: 'activated', how: 'reboot' }]);
    expect(resumed(booting, '1', facts())).toEqual(booting);
    const restarting = through([OFFER, DONE, DONE, { type: 'activated', how: 'restart' }], { takesTurns: false });
    expect(nextStep(restarting)).toEqual({ type: 'restart' });
    expect(nextStep(resumed(restarting, '2', facts()))).toMatchObject({ type: 'watch' });
  });
});
