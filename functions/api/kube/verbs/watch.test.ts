import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CompactedError } from '../../../../core/keyspace/errors.ts';
import { pod } from '../../../../core/resources/testing/fixtures.ts';
import { createResource, deleteResource, getResource, updateResource } from '../../../../core/resources/write.ts';
import { type KubeHarness, kubeHarness, PODS } from '../testing/harness.ts';

interface WatchEvent {
  type: string;
  object: {
    kind: string;
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
    code?: number;
    rows?: unknown[];
    columnDefinitions?: unknown[];
  };
}

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
});

/** A watch that a failed test left open would keep the process alive. */
const opened: ReadableStreamDefaultReader[] = [];
afterEach(async () => {
  for (const reader of opened.splice(0)) await reader.cancel();
});

const make = (name: string, labels: Record<string, string> = {}) =>
  kube.commit((txn) => createResource(txn, 'Pod', { ...pod(name), metadata: { name, namespace: 'default', labels } }, kube.ctx));
const relabel = (name: string, labels: Record<string, string>) =>
  kube.commit((txn) => {
    const found = getResource(txn, 'Pod', 'default', name)!;
    return updateResource(txn, { ...found, metadata: { ...found.metadata, labels } }, kube.ctx);
  });
const remove = (name: string) => kube.commit((txn) => deleteResource(txn, 'Pod', 'default', name, {}, kube.ctx));

/** Opens a watch; `next` reads one event, however the bytes are cut. */
async function open(query: string, headers: Record<string, string> = {}) {
  const response = await kube.request('GET', `${PODS}?watch=true&${query}`, undefined, headers);
  expect(response.status).toBe(200);
  const reader = response.body!.getReader();
  opened.push(reader);
  const decoder = new TextDecoder();
  let text = '';
  const next = async (): Promise<WatchEvent | undefined> => {
    while (!text.includes('\n')) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += decoder.decode(value, { stream: true });
    }
    const line = text.slice(0, text.indexOf('\n'));
    text = text.slice(line.length + 1);
    return JSON.parse(line) as WatchEvent;
  };
  const nextFew = async (count: number) => {
    const events: string[] = [];
    for (let index = 0; index < count; index++) {
      const event = await next();
      events.push(`${event?.type} ${event?.object.metadata.name}`);
    }
    return events;
  };
  return { next, nextFew, cancel: () => reader.cancel() };
}

describe('watch', () => {
  test('streams every change after the resourceVersion, in order, with its revision', async () => {
    const first = await make('a');
    const watch = await open(`resourceVersion=${first.metadata.resourceVersion}`);
    await make('b');
    const changed = await relabel('a', { x: '1' });
    await remove('b');
    expect((await watch.next())!).toMatchObject({ type: 'ADDED', object: { kind: 'Pod', metadata: { name: 'b' } } });
    expect((await watch.next())!).toMatchObject({
      type: 'MODIFIED',
      object: { metadata: { name: 'a', resourceVersion: changed.metadata.resourceVersion } },
    });
    const gone = (await watch.next())!;
    expect(gone).toMatchObject({
      type: 'DELETED',
      object: { metadata: { name: 'b', resourceVersion: String(kube.keyspace.view().revision) } },
    });
    await watch.cancel();
  });

  test.each(['', 'resourceVersion=0'])('begins with the state when it has no resourceVersion (%s)', async (query) => {
    await make('a');
    await make('b');
    const watch = await open(query);
    await make('c');
    expect(await watch.nextFew(3)).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
    await watch.cancel();
  });

  test('shows an object that leaves the selection as deleted, and one that enters it as added', async () => {
    await make('a', { app: 'x' });
    const watch = await open('labelSelector=app%3Dx');
    await relabel('a', { app: 'y' });
    await relabel('a', { app: 'z' });
    await relabel('a', { app: 'x' });
    expect(await watch.nextFew(3)).toEqual(['ADDED a', 'DELETED a', 'ADDED a']);
    await watch.cancel();
  });

  test('sends only the kind and namespace it was asked for', async () => {
    const watch = await open(`resourceVersion=${kube.keyspace.view().revision}`);
    await kube.commit((txn) => createResource(txn, 'ConfigMap', { metadata: { name: 'c', namespace: 'default' } }, kube.ctx));
    await kube.commit((txn) =>
      createResource(txn, 'Pod', { ...pod('z'), metadata: { name: 'z', namespace: 'kube-system' } }, kube.ctx),
    );
    await make('a');
    expect(await watch.nextFew(1)).toEqual(['ADDED a']);
    await watch.cancel();
  });

  test('marks the end of the initial events with a bookmark (sendInitialEvents)', async () => {
    const made = await make('a');
    const watch = await open(
      'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=',
    );
    expect(await watch.nextFew(1)).toEqual(['ADDED a']);
    expect((await watch.next())!).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'Pod',
        metadata: { resourceVersion: made.metadata.resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    await make('b');
    expect(await watch.nextFew(1)).toEqual(['ADDED b']);
    await watch.cancel();
  });

  test('sends tables when asked, columns in the first event only', async () => {
    await make('a');
    const watch = await open('', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    await make('b');
    const [first, second] = [(await watch.next())!, (await watch.next())!];
    expect([first.object.kind, first.object.rows?.length, second.object.rows?.length]).toEqual(['Table', 1, 1]);
    expect(first.object.columnDefinitions).not.toEqual([]);
    expect(second.object.columnDefinitions).toEqual([]);
    await watch.cancel();
  });

  test('says 410 Expired in the stream when the revision was compacted, and ends', async () => {
    const { keyspace } = kube;
    keyspace.watch = () => {
      throw new CompactedError(5);
    };
    const watch = await open('resourceVersion=1');
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await watch.next()).toBeUndefined();
    expect(kube.errors).toEqual([]);
  });

  test('refuses a revision from the future', async () => {
    expect((await kube.refused('GET', `${PODS}?watch=true&resourceVersion=999`)).code).toBe(504);
  });

  test('refuses sendInitialEvents without resourceVersionMatch, so that clients fall back to a list', async () => {
    expect((await kube.refused('GET', `${PODS}?watch=true&sendInitialEvents=true`)).code).toBe(422);
  });

  test('understands the booleans that clients write, and no watch=false', async () => {
    const watch = await kube.request('GET', `${PODS}?watch=True`);
    await watch.body!.cancel();
    expect(await kube.json('GET', `${PODS}?watch=false`)).toMatchObject({ kind: 'PodList' });
  });

  test('ends in order when its time is over, and when the server stops', async () => {
    const timed = await open(`timeoutSeconds=1&resourceVersion=${kube.keyspace.view().revision}`);
    expect(await timed.next()).toBeUndefined();
    const endless = await open(`resourceVersion=${kube.keyspace.view().revision}`);
    await make('a');
    expect(await endless.nextFew(1)).toEqual(['ADDED a']);
    kube.shutDown();
    expect(await endless.next()).toBeUndefined();
    expect(kube.errors).toEqual([]);
  });

  test('stops following the log when the client goes away', async () => {
    const { keyspace } = kube;
    const follow = keyspace.watch.bind(keyspace);
    let followed: AbortSignal | undefined;
    keyspace.watch = (range, since, signal) => {
      followed = signal;
      return follow(range, since, signal);
    };
    const watch = await open('');
    await make('a');
    await watch.nextFew(1);
    await watch.cancel();
    expect(followed!.aborted).toBe(true);
  });
});
