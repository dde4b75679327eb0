import { describe, expect, test } from '@jest/globals';
import { KnownHeads } from './known-heads.ts';

describe("a sole writer's heads", () => {
  test('are known from what was appended or read, and nothing else', () => {
    const heads = new KnownHeads();
    expect(heads.isHead('a', 0)).toBe(false);
    heads.seen('a', 4);
    heads.answered('a', 5);
    expect(heads.isHead('a', 5)).toBe(true);
    expect(heads.isHead('a', 4)).toBe(false);
    expect(heads.isHead('a', 6)).toBe(false);
    expect(heads.isHead('b', 5)).toBe(false);
  });

  test('never go back, when a slow read comes after an append', () => {
    const heads = new KnownHeads();
    heads.answered('a', 5);
    heads.seen('a', 4);
    expect(heads.isHead('a', 4)).toBe(false);
    expect(heads.isHead('a', 5)).toBe(true);
  });

  test('are unknown after an append that failed, until the next one is answered', () => {
    const heads = new KnownHeads();
    heads.answered('a', 5);
    heads.failed('a');
    heads.seen('a', 5);
    expect(heads.isHead('a', 5)).toBe(false);
    heads.answered('a', 6);
    expect(heads.isHead('a', 6)).toBe(true);
  });
});
