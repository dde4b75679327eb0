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
    const gone = new AbortController();
    follow<T>(path, (following) => setState({ path, following }), gone.signal).catch((error: unknown) => {
      if (gone.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) session.lost();
      setState((old) => ({ ...old, problem: error }));
    });
    return () => gone.abort();
  }, [path]);
  const current = state.path === path ? state : undefined;
  return { items: current?.following?.items, live: current?.following?.live ?? false, problem: current?.problem };
}
