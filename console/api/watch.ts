import { ApiError, ask, send } from './http.ts';

/** As much of a Kubernetes resource as following needs. */
export interface Resource {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

interface ResourceList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number };
}

export interface Following<T> {
  readonly items: readonly T[];
  /** False while the connection is being made again. */
  readonly live: boolean;
}

const RETRY_MS = { first: 500, max: 15_000 };

/**
 * Lists resources, then watches them from there (Kubernetes API concepts, "Efficient detection of changes"), for as long as `signal`
 * lets it. A stream that ends is taken up where it was; one that is too far behind (410) begins again with a list. Rejects only with
 * what asking again doesn't change: 401, 403, 404.
 */
export async function follow<T extends Resource>(
  path: string,
  told: (state: Following<T>) => void,
  signal: AbortSignal,
): Promise<void> {
  const items = new Map<string, T>();
  const keyOf = ({ metadata }: T) => `${metadata.namespace ?? ''}/${metadata.name}`;
  const [resources, asked] = path.split('?');
  const tell = (live: boolean) => told({ items: [...items.values()], live });
  let from: string | undefined;
  let wait = RETRY_MS.first;
  while (!signal.aborted) {
    try {
      if (from === undefined) {
        const list = await ask<ResourceList<T>>(path, { signal });
        items.clear();
        for (const item of list.items) items.set(keyOf(item), item);
        from = list.metadata.resourceVersion;
      }
      const query = new URLSearchParams(asked);
      for (const each of Object.entries({ watch: '1', allowWatchBookmarks: 'true', resourceVersion: from })) query.set(...each);
      const response = await send(`${resources}?${query}`, { signal });
      tell(true);
      for await (const line of linesOf(response)) {
        const { type, object } = JSON.parse(line) as WatchEvent<T>;
        wait = RETRY_MS.first;
        if (type === 'ERROR') {
          from = undefined;
          break;
        }
        from = object.metadata.resourceVersion ?? from;
        if (type === 'DELETED') items.delete(keyOf(object));
        else if (type !== 'BOOKMARK') items.set(keyOf(object), object);
        if (type !== 'BOOKMARK') tell(true);
      }
    } catch (error) {
      if (signal.aborted) return;
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 401 || status === 403 || status === 404) throw error;
      if (status === 410) from = undefined;
    }
    if (signal.aborted) return;
    tell(false);
    await pause(wait, signal);
    wait = Math.min(2 * wait, RETRY_MS.max);
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line) yield line;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
