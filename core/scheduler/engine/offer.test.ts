import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Offer } from './offer.ts';

function offerOf(amounts: readonly number[]): Offer {
  const offer = new Offer();
  for (const [piece, amount] of amounts.entries()) offer.add(piece, amount);
  return offer;
}

const chosen = (amounts: readonly number[], missing: number) => {
  const offer = offerOf(amounts);
  const at = offer.choose(missing);
  return at < 0 ? undefined : offer.amount(at);
};

describe('what a host offers', () => {
  test('the least that is enough is chosen, unless it is far too much: then the largest of the others, and more later', () => {
    expect(chosen([1, 4, 6, 9], 5)).toBe(6);
    expect(chosen([1, 4, 9], 5)).toBe(4);
    expect(chosen([9, 20], 5)).toBe(9);
    expect(chosen([1, 2], 5)).toBe(2);
    expect(chosen([5], 5)).toBe(5);
  });

  test('nothing is chosen of what frees nothing, nor of nothing', () => {
    expect(chosen([0, 0], 5)).toBeUndefined();
    expect(chosen([], 5)).toBeUndefined();
  });

  test('each piece is given or withdrawn once, and what was given can be taken back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { maxLength: 600 }), (pieces) => {
        const offer = offerOf(pieces.map(([amount]) => amount));
        const given: number[] = [];
        const withdrawn: number[] = [];
        for (let at = offer.choose(5); at >= 0; at = offer.choose(5)) {
          const piece = offer.piece(at);
          expect(offer.amount(at)).toBe(pieces[piece]![0]);
          if (pieces[piece]![1]) {
            given.push(piece);
            offer.give(at);
          } else {
            withdrawn.push(piece);
            offer.withdraw(at);
          }
        }
        expect([...offer.given()]).toEqual(given);
        expect([...given, ...withdrawn].sort((a, b) => a - b)).toEqual([...pieces.keys()]);
        offer.clear();
        expect(offer.choose(5)).toBe(-1);
        expect([...offer.given()]).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
