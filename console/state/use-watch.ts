import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { follow, type Following, type Resource } from '../api/watch.ts';
import { useSession } from './session.tsx';

export interface Watched<T> {
  /** Undefined while the first answer is awaited. */
  readonly items: readonly T[] | undefined;
  readonly live: boolean;
  readonly problem: ApiError | undefined;
}

/** Resources below a path, as they are now and as they change, for as long as the page is open. */
export function useWatch<T extends Resource>(path: string): Watched<T> {
  const session = useSession();
  const [state, setState] = useState<{ path: string; following?: Following<T>; problem?: ApiError }>({ path });
  useEffect(() => {
    let stop = new AbortController();
    function start() {
      const { signal } = (stop = new AbortController());
      follow<T>(path, (following) => setState({ path, following }), signal).catch((error: unknown) => {
        if (signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) session.lost();
        setState((old) => ({ ...old, problem: error }));
      });
    }
    // A tab that nobody sees keeps no stream: a browser has six connections to a server that speaks HTTP/1.1, for all its tabs.
    const seen = () => (document.hidden ? stop.abort() : stop.signal.aborted && start());
    if (document.hidden) stop.abort();
    else start();
    document.addEventListener('visibilitychange', seen);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      stop.abort();
    };
  }, [path]);
  const current = state.path === path ? state : undefined;
  return { items: current?.following?.items, live: current?.following?.live ?? false, problem: current?.problem };
}
