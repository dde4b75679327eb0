import type { HttpRequest } from '../http/client.ts';
import type { KubeClient } from './client.ts';
import { lines } from './lines.ts';

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/**
 * One watch request: its events until the server closes the stream (which it does after some minutes: watch again from the
 * last resourceVersion seen).
 */
export async function* watchOnce<T>(kube: KubeClient, request: HttpRequest): AsyncGenerator<WatchEvent<T>> {
  const response = await kube.send({ ...request, query: { ...request.query, watch: true, allowWatchBookmarks: true } });
  try {
    // Empty lines keep the connection alive.
    for await (const line of lines(response)) if (line.trim()) yield JSON.parse(line) as WatchEvent<T>;
  } catch (error) {
    // A connection that broke is an end like any other: the next watch finds out what is the matter.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
