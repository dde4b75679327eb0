import { describe, expect, test } from '@jest/globals';
import { KnownHosts } from './known-hosts.ts';
import type { HostKeyEntry } from './records.ts';

const entry = (status: HostKeyEntry['status']) =>
  ({ tenant: 't', cluster: 'c', hostId: 'h', nodeName: 'n', status }) as HostKeyEntry;

function hosts() {
  const state = { status: 'active' as HostKeyEntry['status'], reads: 0, now: 1_000 };
  const known = new KnownHosts({ now: () => state.now });
  const get = async () =>
    (
      await known.get('key', async () => {
        state.reads++;
        return entry(state.status);
      })
    )?.status;
  return { state, known, get };
}

describe('hosts that are known', () => {
  test('are not looked up for each request', async () => {
    const { state, get } = hosts();
    await get();
    await get();
    expect(state.reads).toBe(1);
  });

  test('are looked up again after any write, so that a revocation counts at the next request', async () => {
    const { state, known, get } = hosts();
    await get();
    state.status = 'revoked';
    known.forget();
    expect(await get()).toBe('revoked');
  });

  test('are not remembered as they were before a write that happened while they were read', async () => {
    const { state, known, get } = hosts();
    let answer: (found: HostKeyEntry) => void = () => {};
    const early = known.get('key', () => new Promise<HostKeyEntry>((resolve) => (answer = resolve)));
    known.forget();
    answer(entry('active'));
    await early;
    state.status = 'revoked';
    expect(await get()).toBe('revoked');
  });

  test('are looked up again after a while, should a write have landed after it was given up', async () => {
    const { state, get } = hosts();
    await get();
    state.status = 'revoked';
    state.now += 2_000;
    expect(await get()).toBe('revoked');
  });

  test('are not remembered once revoked', async () => {
    const { state, get } = hosts();
    state.status = 'revoked';
    await get();
    await get();
    expect(state.reads).toBe(2);
  });
});
