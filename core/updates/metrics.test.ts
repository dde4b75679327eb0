import { expect, test } from '@jest/globals';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import type { InstanceView } from './api.ts';
import { updateMetrics } from './metrics.ts';

const NOW = 10 * 86_400_000;
const instance = (id: string, more: Partial<InstanceView> = {}): InstanceView => ({
  application: 'flatcar',
  id,
  group: 'prod',
  version: '1',
  arch: 'amd64',
  alias: '',
  oem: '',
  ip: '',
  lastSeen: NOW,
  status: 'undefined',
  history: [],
  ...more,
});
const prod: UpdateGroup = {
  apiVersion: 'terrane.dev/v1',
  kind: 'UpdateGroup',
  metadata: { name: 'prod', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec: { application: 'flatcar', channel: 'stable', reboots: { max: 2 } },
  status: { version: '2', completed: 1, failed: 0, underWay: 1, halted: { reason: 'UpdateTimedOut', at: '' } },
};

test('tell how many instances run and do what, and how far each group is', () => {
  const instances = [
    instance('a'),
    instance('b', { status: 'downloading' }),
    instance('c', { version: '2', status: 'complete' }),
    instance('d', { version: '2', status: 'complete' }),
    instance('gone', { lastSeen: NOW - 86_400_001 }),
  ];
  const lines = updateMetrics([prod], instances, NOW).split('\n');
  const of = (name: string) => lines.filter((line) => line.startsWith(`${name}{`));
  expect(of('terrane_update_instances')).toEqual([
    'terrane_update_instances{group="prod",application="flatcar",version="1",status="undefined"} 1',
    'terrane_update_instances{group="prod",application="flatcar",version="1",status="downloading"} 1',
    'terrane_update_instances{group="prod",application="flatcar",version="2",status="complete"} 2',
  ]);
  expect(of('terrane_update_group_progress_ratio')).toEqual(['terrane_update_group_progress_ratio{group="prod"} 0.5']);
  expect(of('terrane_update_group_halted')).toEqual(['terrane_update_group_halted{group="prod"} 1']);
  expect(of('terrane_update_group_reboot_slots')).toEqual(['terrane_update_group_reboot_slots{group="prod"} 2']);
});

test('hosts that invent versions and names break nothing, and make no endless series', () => {
  const many = Array.from({ length: 200 }, (_, i) => instance(`i${i}`, { version: `v${i}"\n\\` }));
  const lines = updateMetrics([], many, NOW)
    .split('\n')
    .filter((line) => line.startsWith('terrane_update_instances{'));
  expect(lines).toHaveLength(51);
  expect(lines[0]).toContain('version="v0\\"\\n\\\\"');
  expect(lines.at(-1)).toMatch(/version="other".* 150$/);
});
