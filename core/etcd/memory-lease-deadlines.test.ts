import { describe } from '@jest/globals';
import { memoryLeaseDeadlines } from './memory-lease-deadlines.ts';
import { leaseDeadlinesConformance } from './testing/lease-deadlines-conformance.ts';

describe('deadlines in memory', () => {
  leaseDeadlinesConformance(async () => memoryLeaseDeadlines());
});
