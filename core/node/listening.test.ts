import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Listening, LOOK_MS } from './listening.ts';

/** Moves both clocks and the true time. */
class Machine {
  true = 0;
  wall = 1_800_000_000_000;
  elapsed = 5_000;
  readonly listening = new Listening({ wall: this.wall, elapsed: this.elapsed });

  /** Time passes: asleep, `elapsed` stands. */
  pass(ms: number, asleep = false): void {
    this.true += ms;
    this.wall += ms;
    if (!asleep) this.elapsed += ms;
  }

  look(): number {
    return this.listening.look({ wall: this.wall, elapsed: this.elapsed });
  }

  /** Somebody is there. */
  listen(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.pass(LOOK_MS);
      this.look();
    }
  }

  hear(host: string): void {
    this.look();
    this.listening.heard(host, this.listening.now());
  }

  silence(host: string) {
    this.look();
    return this.listening.unheard(host, this.listening.now());
  }
}

const deed = fc.oneof(
  fc.record({ kind: fc.constant('listen' as const), ms: fc.integer({ min: 1, max: 90 }).map((seconds) => seconds * 1_000) }),
  fc.record({ kind: fc.constant('stand' as const), ms: fc.nat(200_000) }),
  fc.record({ kind: fc.constant('sleep' as const), ms: fc.nat(200_000) }),
  fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -4_000_000, max: 4_000_000 }) }),
  fc.record({ kind: fc.constant('lose' as const), ms: fc.constant(0) }),
  fc.record({ kind: fc.constant('hear' as const), ms: fc.constant(0) }),
);

function befall(machine: Machine, { kind, ms }: { kind: string; ms: number }): void {
  if (kind === 'listen') machine.listen(ms / 1_000);
  else if (kind === 'stand') machine.pass(ms);
  else if (kind === 'sleep') machine.pass(ms, true);
  else if (kind === 'step') machine.wall += ms;
  else if (kind === 'lose') {
    machine.look();
    machine.listening.lost('n1');
  } else machine.hear('n1');
}

describe('the silence of a host, for who hears it', () => {
  test('is never longer than it truly is, whatever happens to the process, the machine and its clock', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), (deeds) => {
        const machine = new Machine();
        let heardAt = 0;
        for (const each of deeds) {
          befall(machine, each);
          if (each.kind === 'hear') heardAt = machine.true;
          const { heardMsAgo, lostMsAgo = 0 } = machine.silence('n1');
          expect(heardMsAgo).toBeGreaterThanOrEqual(0);
          expect(Math.max(heardMsAgo, lostMsAgo)).toBeLessThanOrEqual(machine.true - heardAt);
        }
      }),
    );
  });

  test('is as long as somebody listened from when all goes well again, however often it did not', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), fc.integer({ min: 1, max: 300 }), (deeds, seconds) => {
        const machine = new Machine();
        for (const each of deeds) befall(machine, each);
        const before = machine.silence('n1').heardMsAgo;
        machine.listen(seconds);
        expect(machine.silence('n1').heardMsAgo).toBe(before + seconds * 1_000);
      }),
    );
  });

  test('grows although the machine is held up for as long as it listens', () => {
    const machine = new Machine();
    machine.hear('n1');
    for (let time = 0; time < 10; time++) {
      machine.pass(8_000);
      machine.listen(12);
    }
    expect(machine.silence('n1').heardMsAgo).toBeGreaterThan(45_000);
  });

  test.each([
    ['stood still', false],
    ['slept', true],
  ])('begins anew when the process %s for long, and nothing that began before counts', (_, asleep) => {
    const machine = new Machine();
    machine.hear('n1');
    machine.listen(40);
    machine.pass(90_000, asleep);
    expect(machine.look()).toBeGreaterThanOrEqual(89_000);
    expect(machine.silence('n1').heardMsAgo).toBeLessThanOrEqual(1_000);
    expect(machine.listening.since).toBe(machine.wall);
  });

  test('goes on through what is no more than a busy machine, or a clock that is slewed', () => {
    const machine = new Machine();
    const { since } = machine.listening;
    machine.hear('n1');
    for (let time = 0; time < 30; time++) {
      machine.pass(1_900);
      machine.wall += 150;
      expect(machine.look()).toBe(0);
    }
    expect([machine.silence('n1').heardMsAgo, machine.listening.since]).toEqual([57_000, since]);
  });

  test('is told to be shorter than it may be until the next report: nobody listening brings no host back', () => {
    const machine = new Machine();
    expect(machine.silence('n1')).toEqual({ heardMsAgo: 0, lostMsAgo: 0, moved: true });
    for (const befall of [() => machine.pass(90_000), () => machine.pass(9_000, true), () => (machine.wall -= 5_000)]) {
      machine.hear('n1');
      machine.listen(10);
      expect(machine.silence('n1')).toEqual({ heardMsAgo: 10_000, moved: false });
      befall();
      expect(machine.silence('n1').moved).toBe(true);
    }
  });

  test('is not made longer by a report that another overtook, nor ended by it where the connection was lost since', () => {
    const machine = new Machine();
    const early = machine.listening.now();
    machine.listen(10);
    machine.hear('n1');
    machine.listening.lost('n1');
    machine.listening.heard('n1', early);
    expect(machine.silence('n1')).toEqual({ heardMsAgo: 0, lostMsAgo: 0, moved: false });
  });
});
