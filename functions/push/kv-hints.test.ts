import { expect, test } from '@jest/globals';
import { encodeEntry, type Entry } from '../../core/keyspace/entry.ts';
import { encodeEntry1 } from '../../core/keyspace/entry-format-1.ts';
import type { PushMessage } from '../../core/node/push.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { memoryInterest } from '../node/kv/interest.ts';
import { kvHints } from './kv-hints.ts';

const ENTRY: Entry = { sequence: 7, writer: 'w', batch: 1, time: 0, baseRevision: 1, records: [] };

async function told(body: Uint8Array): Promise<PushMessage[]> {
  const messages: PushMessage[] = [];
  const interest = memoryInterest();
  await interest.mark('org_a', 'cl_a', 'a', 1_000);
  const hint = kvHints({
    interest,
    clock: { now: () => 1 },
    log: silentLogger,
    send: (_tenant, _cluster, _nodes, message) => void messages.push(message),
  });
  await hint('org_a', 'cl_a', { sequence: 7, body });
  return messages;
}

test('agents that know only the first format of entries are handed none of another: they would take it for damage', async () => {
  const [old, present] = [encodeEntry1(ENTRY), encodeEntry(ENTRY)].map((body) => Buffer.from(body));
  expect(await told(old!)).toEqual([{ type: 'kv', sequence: 7, entry: old!.toString('base64') }]);
  expect(await told(present!)).toEqual([{ type: 'kv', sequence: 7, body: present!.toString('base64') }]);
});
