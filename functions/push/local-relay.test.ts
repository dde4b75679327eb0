import { describe, expect, test } from '@jest/globals';
import type { PushMessage } from '../../core/node/push.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import { Connections } from './connections.ts';
import { localRelay } from './local-relay.ts';

const host: HostPrincipal = { kind: 'host', tenant: 't1', cluster: 'c1', hostId: 'h1', nodeName: 'n1' };
const logs = { kind: 'logs', namespace: 'default', pod: 'web' } as const;

/** A host that is connected and remembers what it was told. */
function connectedHost() {
  const connections = new Connections();
  const told: PushMessage[] = [];
  connections.add(host, { send: (text) => void told.push(JSON.parse(text) as PushMessage), close: () => {} });
  const streamId = () => {
    const message = told.find((m) => m.type === 'stream');
    return message?.type === 'stream' ? message.id : '';
  };
  return { relay: localRelay(connections), told, streamId };
}

const bodyOf = (text: string) => new Response(text).body!;

describe('the log relay', () => {
  test('hands what the host posts to the one who asked', async () => {
    const { relay, streamId } = connectedHost();
    const answer = relay.request('t1', 'c1', 'n1', logs, new AbortController().signal);
    const accepted = relay.accept(streamId(), host, 200, bodyOf('line 1\nline 2\n'));
    const stream = await answer;
    expect(stream.ok && (await new Response(stream.body).text())).toBe('line 1\nline 2\n');
    expect(await accepted).toBe(true);
  });

  test("gives the host's error to the one who asked, as a message and not as data", async () => {
    const { relay, streamId } = connectedHost();
    const answer = relay.request('t1', 'c1', 'n1', logs, new AbortController().signal);
    await relay.accept(streamId(), host, 404, bodyOf('container "x" is not in pod web'));
    expect(await answer).toEqual({ ok: false, status: 404, message: 'container "x" is not in pod web' });
  });

  test('refuses the answer of another host, even with the right id', async () => {
    const { relay, streamId } = connectedHost();
    const controller = new AbortController();
    const answer = relay.request('t1', 'c1', 'n1', logs, controller.signal);
    expect(await relay.accept(streamId(), { ...host, nodeName: 'n2' }, 200, bodyOf('forged'))).toBe(false);
    expect(await relay.accept(streamId(), { ...host, tenant: 't2' }, 200, bodyOf('forged'))).toBe(false);
    controller.abort();
    expect((await answer).ok).toBe(false);
  });

  test('says at once that a node is not connected', async () => {
    const { relay } = connectedHost();
    const answer = await relay.request('t1', 'c1', 'n9', logs, new AbortController().signal);
    expect(answer).toMatchObject({ ok: false, status: 503, message: expect.stringContaining('n9 is not connected') });
  });

  test('gives up on a host that is connected but silent, and tells it', async () => {
    const connections = new Connections();
    const told: PushMessage[] = [];
    connections.add(host, { send: (text) => void told.push(JSON.parse(text) as PushMessage), close: () => {} });
    const answer = await localRelay(connections, 5).request('t1', 'c1', 'n1', logs, new AbortController().signal);
    expect(answer).toMatchObject({ ok: false, status: 504 });
    expect(told.map(({ type }) => type)).toEqual(['stream', 'cancel']);
  });

  test("ends the host's post when the reader goes away", async () => {
    const { relay, streamId } = connectedHost();
    const controller = new AbortController();
    const answer = relay.request('t1', 'c1', 'n1', logs, controller.signal);
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (out) => out.enqueue(new TextEncoder().encode('tick\n')),
      cancel: () => {
        cancelled = true;
      },
    });
    const accepted = relay.accept(streamId(), host, 200, endless);
    const stream = await answer;
    expect(stream.ok).toBe(true);
    controller.abort();
    await accepted;
    expect(cancelled).toBe(true);
  });

  test('tells the host to stop when the reader leaves before the first byte', async () => {
    const { relay, told, streamId } = connectedHost();
    const controller = new AbortController();
    const answer = relay.request('t1', 'c1', 'n1', logs, controller.signal);
    controller.abort();
    expect((await answer).ok).toBe(false);
    expect(told).toContainEqual({ type: 'cancel', id: streamId() });
  });
});
