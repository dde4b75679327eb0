import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { Engine } from '../docker/engine.ts';
import { DockerError } from '../docker/errors.ts';
import type { NetworkCreate, NetworkDetails } from '../docker/types.ts';
import { surroundings } from './surroundings.ts';

/** An engine with its networks, that keeps whoever asks waiting when the test says so. */
class SlowEngine {
  networks: NetworkDetails[] = [];
  creations = 0;
  refusal: Error | undefined;
  answer!: () => void;
  #answers = Promise.resolve();

  /** Until `answer` is called. */
  hang(): void {
    this.#answers = new Promise((resolve) => (this.answer = resolve));
  }

  readonly version = async () => '20.10.24';
  readonly listNetworks = async () => {
    await this.#answers;
    return this.networks;
  };
  readonly inspectNetwork = async (id: string) => this.networks.find(({ Id }) => Id === id)!;
  readonly removeNetwork = async (id: string) => {
    this.networks = this.networks.filter(({ Id }) => Id !== id);
  };
  readonly createNetwork = async (wanted: NetworkCreate) => {
    this.creations++;
    if (this.refusal) throw this.refusal;
    this.networks = [...this.networks, { ...wanted, Id: String(this.creations), IPAM: {} }];
  };
}

const assigned = {
  network: '10.244.0.0/16',
  subnet: '10.244.5.0/24',
  backend: { type: 'host-gw' },
} as unknown as AssignedNetwork & { subnet: string };

function host() {
  const slow = new SlowEngine();
  const engine = slow as unknown as Engine;
  const seen = { lateEnds: 0 };
  const wallProblems: string[][] = [];
  const around = surroundings({
    owner: 'c/h',
    onLateEnd: () => seen.lateEnds++,
    walls: { ensure: () => Promise.resolve(wallProblems.shift() ?? []), remove: () => Promise.resolve() },
  });
  const lateEnd = () => eventually('what was late has ended', () => expect(seen.lateEnds).toBe(1));
  return {
    slow,
    engine,
    around,
    lateEnd,
    wallProblems,
    ensure: (looked: boolean) => around.ensure(engine, assigned, 1500, looked),
  };
}

describe("a host's Docker network", () => {
  test('that was being taken away while the engine hung is made anew for a host that has its subnet again', async () => {
    const { slow, engine, around, lateEnd, ensure } = host();
    expect(await ensure(true)).toEqual({ problems: [], late: false });
    slow.hang();
    around.leave();
    expect(await around.remove(engine)).toBe(false);
    expect(await ensure(true)).toEqual({ problems: [], late: true });
    expect(around.podNetwork()).toBeUndefined();
    slow.answer();
    await lateEnd();
    expect(slow.networks).toEqual([]);
    expect(await ensure(false)).toEqual({ problems: [], late: false });
    expect(slow.networks.map(({ Name }) => Name)).toEqual([around.podNetwork()]);
  });

  test('that a slow engine refuses is told to the next look, which asks no more; the one after that asks again', async () => {
    const { slow, around, lateEnd, ensure } = host();
    slow.hang();
    slow.refusal = new DockerError(403, 'Pool overlaps with other one on this address space');
    expect(await ensure(true)).toEqual({ problems: [], late: true });
    slow.answer();
    await lateEnd();
    await expect(ensure(false)).rejects.toThrow('Pool overlaps with other one');
    expect(slow.creations).toBe(1);
    slow.refusal = undefined;
    expect(await ensure(true)).toEqual({ problems: [], late: false });
    expect(around.podNetwork()).toBeDefined();
  });

  test('what the firewall refuses is no less wrong when nobody looked', async () => {
    const { wallProblems, ensure } = host();
    wallProblems.push(['nft: no'], ['nft: no']);
    expect(await ensure(true)).toEqual({ problems: ['nft: no'], late: false });
    expect(await ensure(false)).toEqual({ problems: ['nft: no'], late: false });
  });
});
