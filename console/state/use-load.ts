import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError, ask } from '../api/http.ts';
import { useSession } from './session.tsx';

export interface Loaded<T> {
  /** Undefined while the first answer is awaited. */
  readonly data: T | undefined;
  readonly problem: ApiError | undefined;
  /** Asks again; what is shown stays until the answer is there. */
  readonly reload: () => Promise<void>;
}

/** What a path answers, asked for when the page opens and on `reload`. */
export function useLoad<T>(path: string): Loaded<T> {
  const session = useSession();
  const [state, setState] = useState<{ path: string; data?: T; problem?: ApiError }>({ path });
  const load = useCallback(
    async (signal?: AbortSignal) => {
      try {
        const data = await ask<T>(path, signal ? { signal } : {});
        setState({ path, data });
      } catch (error) {
        if (signal?.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) session.lost();
        setState((old) => ({ ...(old.path === path ? old : { path }), problem: error }));
      }
    },
    [path],
  );
  useEffect(() => {
    const gone = new AbortController();
    void load(gone.signal);
    return () => gone.abort();
  }, [load]);
  const current = state.path === path ? state : undefined;
  return { data: current?.data, problem: current?.problem, reload: () => load() };
}
