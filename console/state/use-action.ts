import { useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { useSession } from './session.tsx';

export interface Action<A extends unknown[]> {
  readonly busy: boolean;
  readonly problem: ApiError | undefined;
  readonly run: (...args: A) => Promise<void>;
}

/** Something that a button or a form does: once at a time, and its failure is shown where it was asked for. */
export function useAction<A extends unknown[]>(act: (...args: A) => Promise<unknown>): Action<A> {
  const session = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError>();
  async function run(...args: A): Promise<void> {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await act(...args);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
      // A wrong password is a 401, too, but no lost session.
      if (error.status === 401 && session.me && error.code !== 'bad_credentials') session.lost();
    } finally {
      setBusy(false);
    }
  }
  return { busy, problem, run };
}
