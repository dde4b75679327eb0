import { Duplex } from 'node:stream';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { encodeFrame, encodeTailQuestion, type Frame, FrameReader, KV_QUESTION } from '../../../core/node/kv-stream.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import { AnswersUnderWay } from './answers-under-way.ts';
import { AT_ONCE_MAX, serveKvStream, UNSENT_BYTES_MAX } from './stream.ts';

const HOST = { tenant: 'org_a', cluster: 'cl_a', nodeName: 'a' } as HostPrincipal;
const ANSWER_BYTES = 1_000_000;
const QUESTIONS = 500;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A host's end of a connection: it takes what is sent to it only when `take` is called. */
function hostSide() {
  const reader = new FrameReader(2 * ANSWER_BYTES);
  const frames: Frame[] = [];
  let taken: (() => void) | undefined;
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      frames.push(...reader.push(chunk));
      taken = done;
    },
  });
  ends.push(() => socket.destroy());
  const take = (): boolean => {
    const done = taken;
    taken = undefined;
    done?.();
    return done !== undefined;
  };
  return { socket, frames, take };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await eventLoopTurn();
}

function served(socket: Duplex, host: () => Promise<HostPrincipal> = async () => HOST) {
  const counts = { begun: 0, atOnce: 0, atOnceMost: 0 };
  const answers = {
    async tail() {
      counts.begun++;
      counts.atOnceMost = Math.max(counts.atOnceMost, ++counts.atOnce);
      await eventLoopTurn();
      counts.atOnce--;
      return Buffer.alloc(ANSWER_BYTES);
    },
    calls: () => Promise.reject(new Error('nobody calls here')),
  };
  const onError = (error: unknown) => {
    throw error;
  };
  serveKvStream({ socket, answers, underWay: new AnswersUnderWay(), hint: () => {}, onError, host });
  return counts;
}

const question = (id: number) =>
  encodeFrame(id, KV_QUESTION.tail, encodeTailQuestion({ after: 0, verify: false, news: false, watch: false }));
const manyQuestions = () => Buffer.concat(Array.from({ length: QUESTIONS }, (_, id) => question(id)));

describe('a host that asks hundreds of things in one piece', () => {
  test('has few of them worked on at once, and none begun while it takes no answers', async () => {
    const { socket } = hostSide();
    const counts = served(socket);
    socket.push(manyQuestions());
    await settled();
    expect(counts.atOnceMost).toBe(AT_ONCE_MAX);
    expect(counts.begun).toBeLessThanOrEqual(UNSENT_BYTES_MAX / ANSWER_BYTES + AT_ONCE_MAX);
    expect(socket.writableLength).toBeLessThan(UNSENT_BYTES_MAX + AT_ONCE_MAX * (ANSWER_BYTES + 100));
  });

  test('is answered all of it when it takes the answers, and heard again', async () => {
    const { socket, frames, take } = hostSide();
    served(socket);
    socket.push(manyQuestions());
    socket.push(question(QUESTIONS));
    do await settled();
    while (take());
    expect(frames.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: QUESTIONS + 1 }, (_, id) => id));
  });

  test('is told once that it may not ask any more', async () => {
    const { socket, frames, take } = hostSide();
    const counts = served(socket, () => Promise.reject(new TerraneError('host_revoked')));
    socket.push(manyQuestions());
    do await settled();
    while (take());
    expect(counts.begun).toBe(0);
    expect(frames.map(({ code }) => code)).toEqual([new TerraneError('host_revoked').status]);
  });
});
