import { describe, expect, test } from '@jest/globals';
import { decodeEntry, ENTRY_FORMAT } from '../../../core/keyspace/entry.ts';
import { serviceWorld } from '../../../core/etcd/testing/service.ts';
import { encodeRequest } from '../../../core/etcd/protobuf/index.ts';
import type { LogEntry } from '../../../core/keyspace/log.ts';
import { MemoryLog } from '../../../core/keyspace/memory-log.ts';
import { openKeyspace } from '../../../core/keyspace/open.ts';
import { VirtualTime } from '../../../core/keyspace/testing/virtual-time.ts';
import { decodeForwardedAnswer, decodeTail, encodeCalls } from '../../../core/node/kv.ts';
import { decodeTailQuestion, encodeTailQuestion } from '../../../core/node/kv-stream.ts';
import type { PagedLog } from '../../../core/ports/keyspaces.ts';
import { kvAnswers } from './answers.ts';
import { memoryInterest } from './interest.ts';

const HOST = { kind: 'host', tenant: 'org_a', cluster: 'cl_a', nodeName: 'a', hostId: 'host_a' } as const;

async function controlPlane() {
  const time = new VirtualTime();
  const log = new MemoryLog(() => time.now());
  const keyspace = await openKeyspace(log, { writerId: 'w', timing: time, recentBytes: 100_000 });
  const { service } = serviceWorld({ keyspace, time });
  return kvAnswers({
    services: { open: async () => service },
    keyspaces: { open: async () => keyspace },
    logs: { log: () => log as unknown as PagedLog },
    interest: memoryInterest(),
    clock: time,
  });
}

const put = (key: string) => ({
  id: `host/${key}`,
  method: 'Put',
  token: '',
  request: encodeRequest('Put', {
    key,
    value: Buffer.from('1'),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  }),
});

const formats = (entries: readonly LogEntry[]) => entries.map(({ body }) => body[0]);
const keys = (entries: readonly LogEntry[]) =>
  entries.map(({ sequence, body }) =>
    decodeEntry(sequence, body).records.flatMap(({ operations }) => operations.map((each) => 'key' in each && each.key)),
  );

/** What an agent sends, and what a control plane understands of it, of this version or the one before formats were spoken of. */
describe('entries of the log for an agent', () => {
  test('that says nothing of formats are of the first one, with an answer to calls and as the tail', async () => {
    const answers = await controlPlane();
    const { bytes } = await answers.calls(HOST, encodeCalls({ after: 0, calls: [put('a')] }));
    const { entries } = decodeForwardedAnswer(bytes);
    expect(formats(entries)).toEqual([1]);
    expect(keys(entries)).toEqual([['a']]);
    const question = decodeTailQuestion(encodeTailQuestion({ after: 0, verify: false, news: true, watch: false }));
    const tail = decodeTail(await answers.tail(HOST, question));
    expect(tail).toEqual({ entries, more: false });
  });

  test('that reads the present one are as they are in the log', async () => {
    const answers = await controlPlane();
    const { bytes } = await answers.calls(HOST, encodeCalls({ after: 0, calls: [put('a')], reads: ENTRY_FORMAT }));
    const { entries } = decodeForwardedAnswer(bytes);
    expect(formats(entries)).toEqual([ENTRY_FORMAT]);
    expect(keys(entries)).toEqual([['a']]);
    const question = decodeTailQuestion(
      encodeTailQuestion({ after: 0, verify: false, news: true, watch: false, reads: ENTRY_FORMAT }),
    );
    expect(decodeTail(await answers.tail(HOST, question))).toEqual({ entries, more: false });
  });
});

describe('what an agent says of formats', () => {
  test('stands behind all that control planes of before read', () => {
    const question = { after: 300, verify: true, news: false, watch: true };
    const calls = { after: 4, calls: [{ ...put('a'), again: true }] };
    expect(encodeTailQuestion({ ...question, reads: 2 })).toEqual(
      Buffer.concat([encodeTailQuestion(question), Uint8Array.of(2)]),
    );
    expect(encodeCalls({ ...calls, reads: 2 })).toEqual(Buffer.concat([encodeCalls(calls), Uint8Array.of(2)]));
  });
});
