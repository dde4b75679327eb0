import { expect, test } from '@jest/globals';
import { pod } from '../../test/support/builders.ts';
import { podRequests } from './requests.ts';

test('a limit of processes asks for nothing of the node: no node has such a resource, and the pod would wait for ever', () => {
  const limited = pod('box');
  limited.spec.containers[0]!.resources = { limits: { cpu: '500m', memory: '64Mi', pids: 20 } };
  expect([...podRequests(limited)]).toEqual([
    ['cpu', 500],
    ['memory', 64 * 2 ** 20],
  ]);
});
