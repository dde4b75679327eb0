import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { afterRound, suspicionsIn, type WatchedPeer } from './watch-round.ts';
import { watchedBy } from './watched.ts';

const none = new Set<string>();

describe('who watches whom', () => {
  test('property: in a cluster of four or more each is watched by three others, and both ends come to the same', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(names, (hosts) => {
        const watchers = new Map<string, number>(hosts.map((name) => [name, 0]));
        for (const self of hosts) {
          const watched = watchedBy(self, hosts.toReversed(), none);
          expect(watched).not.toContain(self);
          expect(watched).toEqual(
            watchedBy(
              self,
              hosts.filter((name) => name !== self),
              none,
            ),
          );
          for (const name of watched) watchers.set(name, watchers.get(name)! + 1);
        }
        expect([...new Set(watchers.values())]).toEqual([3]);
      }),
    );
  });

  test('in a small cluster everybody watches everybody, and one alone nobody', () => {
    expect(watchedBy('a', ['b', 'c'], none).sort()).toEqual(['b', 'c']);
    expect(watchedBy('a', [], none)).toEqual([]);
  });

  test('who loses those it watches looks beyond them, up to a limit: the loss may be its own', () => {
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    let suspected = new Set<string>();
    for (let round = 0; round < 12; round++) suspected = new Set(watchedBy('n0', names, suspected));
    expect(suspected.size).toBe(20);
  });
});

describe('a peer', () => {
  /** One character a round: does it answer? */
  function after(rounds: string, start = 1_000) {
    let peers: ReadonlyMap<string, WatchedPeer> = new Map();
    Array.from(rounds, (answer, index) => {
      peers = afterRound(peers, ['p'], new Set(answer === '+' ? ['p'] : []), start + index);
    });
    return suspicionsIn(peers);
  }

  test('that never answered is not suspected: a firewall may be in the way', () => {
    expect(after('..........')).toEqual([]);
  });

  test('is suspected after three probes that it did not answer, since then, until it does', () => {
    expect(after('.+..')).toEqual([]);
    expect(after('+...')).toEqual([{ node: 'p', since: 1_003, told: 0 }]);
    expect(after('+....')).toEqual([{ node: 'p', since: 1_003, told: 0 }]);
    expect(after('+...+')).toEqual([]);
    expect(after('+..+..')).toEqual([]);
  });

  test('is told of again every second round for a while, for whoever acts only when he hears something', () => {
    const told = (missed: number) => after(`+${'.'.repeat(missed)}`)[0]!.told;
    expect([3, 4, 5, 6, 7].map(told)).toEqual([0, 0, 1, 1, 2]);
    expect(told(1_000)).toBe(12);
  });

  test('on a path that fails again and again is told of ever later, until it was well for half an hour', () => {
    /** Rounds without an answer until it is suspected, after so many false alarms. */
    const patience = (alarms: number, calm = '+') => {
      let missed = 0;
      while (after(`+${`${'.'.repeat(48)}+`.repeat(alarms)}${calm}${'.'.repeat(missed)}`).length === 0) missed++;
      return missed;
    };
    expect([0, 1, 2, 3, 4, 5, 6, 7, 20].map((alarms) => patience(alarms))).toEqual([3, 3, 3, 6, 12, 24, 48, 48, 48]);
    expect(patience(20, '+'.repeat(362))).toBe(3);
  });

  test('that is no longer watched is forgotten', () => {
    const lost: WatchedPeer = { answers: true, missed: 9, suspicion: { node: 'p', since: 1, told: 3 }, falseAlarms: 1, calm: 0 };
    expect(afterRound(new Map([['p', lost]]), [], none, 5)).toEqual(new Map());
  });
});
