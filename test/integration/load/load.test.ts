import { expect, test } from '@jest/globals';
import { load } from '../../support/load/load.ts';

const AGENTS = 150;
/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 240_000;

test(
  'many hosts at once join, connect, get work and report it: no request fails, nothing is lost',
  async () => {
    const { errors, lost, timings } = await load(AGENTS, undefined, LIMIT_MS / 2);
    expect(errors).toEqual([]);
    expect(lost).toEqual([]);
    expect(timings.count('join')).toBe(AGENTS);
  },
  LIMIT_MS,
);
