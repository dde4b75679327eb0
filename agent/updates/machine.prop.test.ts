import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { Activation } from './driver.ts';
import { after, type Circumstances, type Journal, newJournal, nextStep, type Outcome, resumed } from './machine.ts';

/**
 * The machine against a model of a host with two slots, a boot loader that counts attempts, a disk that keeps the journal, and power
 * that fails whenever fast-check likes: before a step, in the middle of it, or after it and before the journal says so.
 */

const FOLLOWS: AssignedUpdate = {
  group: 'g',
  application: 'os',
  driver: 'rauc',
  checkSeconds: 60,
  health: { timeoutSeconds: 60, units: [] },
};
const UPDATE = { package: 'os-2', version: '2', url: 'http://files/', files: [] };

type Cut = 'before' | 'within' | 'after';
interface Story {
  /** By the number of the step, counted over all boots. */
  readonly cuts: ReadonlyMap<number, Cut>;
  /** A reboot that nobody asked for comes with each cut. */
  readonly well: boolean;
  readonly boots: boolean;
  readonly activatesAlone: boolean;
  readonly stageFails: boolean;
}

class Host {
  readonly slots = { A: '1', B: '' } as Record<'A' | 'B', string>;
  primary: 'A' | 'B' = 'A';
  booted: 'A' | 'B' = 'A';
  readonly good = { A: true, B: false };
  readonly tries = { A: 3, B: 0 };
  bootId = 1;
  uptime = 0;
  locked = false;
  disturbedUnlocked = false;

  readonly story: Story;
  constructor(story: Story) {
    this.story = story;
  }

  get running(): string {
    return this.slots[this.booted];
  }

  activate(slot: 'A' | 'B'): void {
    this.primary = slot;
    this.tries[slot] = 3;
    this.good[slot] = true;
  }

  reboot(): void {
    const other = this.primary === 'A' ? 'B' : 'A';
    const works = (slot: 'A' | 'B') => this.slots[slot] === '1' || (this.slots[slot] === '2' && this.story.boots);
    for (;;) {
      const slot = this.good[this.primary] && this.tries[this.primary] > 0 ? this.primary : other;
      this.tries[slot]--;
      this.booted = slot;
      if (works(slot)) break;
      // A system that hangs is ended by the watchdog. The old one is whole, or the machine is lost.
      if (this.tries[slot] <= 0 && slot === other) throw new Error('nothing is left to boot');
    }
    this.bootId++;
    this.uptime = 0;
  }
}

function play(story: Story): { host: Host; journal: Journal; steps: number } {
  const host = new Host(story);
  let journal = newJournal(FOLLOWS);
  let steps = 0;
  const facts = (): Circumstances => ({
    bootId: String(host.bootId),
    uptime: host.uptime,
    now: steps,
    takesTurns: true,
    bootsInto: true,
  });
  const start = () => {
    journal = resumed(journal, host.running, facts());
  };
  for (let offered = false; steps < 200; steps++) {
    if (journal.phase === 'idle' && offered) break;
    const step = nextStep(journal);
    const cut = story.cuts.get(steps);
    if (cut === 'before') {
      host.reboot();
      start();
      continue;
    }
    let outcome: Outcome | undefined;
    switch (step.type) {
      case 'ask':
        offered = cut === undefined;
        host.tries[host.booted] = 3;
        outcome = { type: 'offered', update: UPDATE, staged: false };
        break;
      case 'download':
      case 'confirm':
        if (step.type === 'confirm' && cut !== 'within') host.tries[host.booted] = 3;
        outcome = { type: 'done' };
        break;
      case 'stage': {
        const other = host.booted === 'A' ? 'B' : 'A';
        host.good[other] = false;
        host.slots[other] = cut === 'within' ? 'half' : '2';
        if (story.stageFails) outcome = { type: 'failed', error: 'stageFailed', message: 'no' };
        else {
          if (story.activatesAlone && cut !== 'within') host.activate(other);
          outcome = { type: 'done' };
        }
        break;
      }
      case 'takeTurn':
        host.locked = true;
        outcome = { type: 'done' };
        break;
      case 'activate':
        if (!host.locked) host.disturbedUnlocked = true;
        if (cut !== 'within') host.activate(host.booted === 'A' ? 'B' : 'A');
        outcome = { type: 'activated', how: 'reboot' };
        break;
      case 'reboot':
        host.reboot();
        start();
        continue;
      case 'watch':
        if (host.running !== '2') outcome = { type: 'failed', error: 'notBooted', message: 'the old one' };
        else outcome = story.well ? { type: 'done' } : { type: 'failed', error: 'unhealthy', message: 'ill' };
        break;
      case 'rollback': {
        let how: Activation = 'running';
        if (host.running === '2') {
          const old = host.booted === 'A' ? 'B' : 'A';
          host.activate(old);
          if (cut !== 'within') host.good[host.booted] = false;
          how = 'reboot';
        } else host.activate(host.booted);
        outcome = { type: 'rolled-back', how };
        break;
      }
      case 'recover':
        outcome = { type: 'done' };
        break;
      case 'returnTurn':
        host.locked = false;
        host.tries[host.booted] = 3;
        outcome = { type: 'done' };
        break;
      default:
        throw new Error(step.type);
    }
    if (cut !== undefined) {
      host.reboot();
      start();
    } else journal = after(journal, outcome, facts());
  }
  return { host, journal, steps };
}

const stories = fc.record({
  // Fewer cuts than the boot loader allows attempts: a host whose power fails at every boot is not well.
  cuts: fc
    .array(fc.tuple(fc.nat(20), fc.constantFrom<Cut>('before', 'within', 'after')), { maxLength: 2 })
    .map((entries) => new Map(entries)),
  well: fc.boolean(),
  boots: fc.boolean(),
  activatesAlone: fc.boolean(),
  stageFails: fc.boolean(),
});

describe('an update, wherever the power fails', () => {
  test('ends, with a system that boots, and with the slot given back', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { host, journal, steps } = play(story);
        expect(steps).toBeLessThan(200);
        expect(journal.phase).toBe('idle');
        expect(host.locked).toBe(false);
        expect(host.disturbedUnlocked).toBe(false);
        const good = story.well && story.boots && !story.stageFails;
        expect(host.running).toBe(good ? '2' : '1');
        expect(journal.failure === undefined).toBe(good);
        const last = journal.news.at(-1);
        expect(last?.type).toBe(good ? 'complete' : 'error');
        // A next boot, whenever it comes, leads to the same system.
        host.reboot();
        expect(host.running).toBe(good ? '2' : '1');
      }),
      { numRuns: 3000 },
    );
  });
});
