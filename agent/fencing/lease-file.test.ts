import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../test/support/eventually.ts';
import { NO_LEASE } from './host-lease.ts';
import { leaseFile } from './lease-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrane-lease-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const LEASE = { until: 100_000, since: 50_000, confirmed: true, graceSeconds: 10 };
const STOP_MS = 40_000;

describe('a saved lease', () => {
  test('is the next agent’s, in the same boot and for the same assignment', async () => {
    const path = join(directory, 'lease.json');
    leaseFile(path).write({ ...LEASE, bootId: 'a', revision: 7 });
    const read = (bootId: string, revision: number | undefined, now = 70_000) =>
      leaseFile(path).read(bootId, revision, now, STOP_MS);
    await eventually('it is written', () => expect(read('a', 7)).toEqual(LEASE));
    expect(read('b', 7)).toEqual(NO_LEASE);
    expect(read('a', 6)).toEqual({ ...LEASE, confirmed: false });
    // An uptime that began anew without a boot: the lease would last for a day.
    expect(read('a', 7, 10)).toEqual(NO_LEASE);
  });

  test.each([
    ['nothing', undefined],
    ['no JSON', '{'],
    ['something else', '{"until":"x","bootId":"a"}'],
  ])('is none when there is %s', (_what, text) => {
    const path = join(directory, 'lease.json');
    if (text !== undefined) writeFileSync(path, text);
    expect(leaseFile(path).read('a', 1, 0, STOP_MS)).toEqual(NO_LEASE);
  });
});
