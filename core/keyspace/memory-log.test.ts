import { describe } from '@jest/globals';
import { MemoryLog } from './memory-log.ts';
import { type LogUnderTest, logConformance } from './testing/log-conformance.ts';

describe('a log in memory', () => {
  logConformance(async () => {
    const under: { log: MemoryLog; now: number } = { log: new MemoryLog(() => under.now), now: 1_000_000_000_000 };
    return under satisfies LogUnderTest;
  });
});
