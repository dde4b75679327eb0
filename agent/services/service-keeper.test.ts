import { expect, test } from '@jest/globals';
import type { Assignment } from '../../core/node/assignment.ts';
import { type Nft, NftError } from '../kernel/nft.ts';
import { serviceKeeper } from './service-keeper.ts';

test('Services that could not be put back are routed with the next look, though nothing else has changed', async () => {
  const scripts: string[] = [];
  let refuses = false;
  const nft: Nft = {
    async apply(script) {
      if (refuses) throw new NftError('Out of memory');
      scripts.push(script);
    },
    // As if somebody had taken the table away.
    list: async () => undefined,
  };
  const service = {
    namespace: 'default',
    name: 'web',
    type: 'ClusterIP',
    clusterIP: '10.96.0.10',
    ports: [{ protocol: 'TCP', port: 80 }],
    subsets: [{ ports: [8080], endpoints: [{ ip: '10.244.1.2', node: 'n1' }] }],
  };
  const assignment = { cluster: 'c', revision: 1, pods: [], services: [service] } as unknown as Assignment;
  const keeper = serviceKeeper('n1', nft, async () => undefined);
  await keeper.enforce(assignment, []);
  scripts.length = 0;

  refuses = true;
  await expect(keeper.repair()).rejects.toThrow('Out of memory');
  await expect(keeper.enforce(assignment, [])).rejects.toThrow('Out of memory');
  refuses = false;
  await keeper.enforce(assignment, []);
  expect(scripts).toEqual([expect.stringContaining('10.96.0.10 . tcp . 80')]);
  await keeper.enforce(assignment, []);
  expect(scripts).toHaveLength(1);
});
