import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError, send } from '../api/http.ts';
import { useSession } from './session.tsx';

export interface FollowedText {
  /** Its end: as much as people look at. Undefined while the first answer is awaited. */
  readonly text: string | undefined;
  readonly live: boolean;
  readonly problem: ApiError | undefined;
  /** Asks again, from the start of what the server gives. */
  readonly again: () => void;
}

const CHARACTERS_MAX = 64 * 1024;

/** What a path goes on sending, such as a journal that is followed, for as long as the page is open and seen. */
export function useText(path: string): FollowedText {
  const session = useSession();
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<{ path: string; text?: string; live: boolean; problem?: ApiError }>({ path, live: false });
  useEffect(() => {
    let stop = new AbortController();
    function start() {
      const { signal } = (stop = new AbortController());
      read(path, signal, (text) => setState({ path, text, live: true }))
        .then(() => setState((old) => ({ ...old, path, live: false })))
        .catch((error: unknown) => {
          if (signal.aborted) return;
          if (error instanceof ApiError && error.status === 401) session.lost();
          setState((old) => ({
            ...(old.path === path ? old : { path }),
            live: false,
            // A connection that breaks off is no error of the API's.
            ...(error instanceof ApiError ? { problem: error } : {}),
          }));
        });
    }
    // As with watches: a tab that nobody sees keeps no stream.
    const seen = () => (document.hidden ? stop.abort() : stop.signal.aborted && start());
    if (document.hidden) stop.abort();
    else start();
    document.addEventListener('visibilitychange', seen);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      stop.abort();
    };
  }, [path, turn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const current = state.path === path ? state : undefined;
  return { text: current?.text, live: current?.live ?? false, problem: current?.problem, again };
}

async function read(path: string, signal: AbortSignal, told: (text: string) => void): Promise<void> {
  const response = await send(path, { signal, accept: '*/*' });
  let text = '';
  told(text);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text = (text + value).slice(-CHARACTERS_MAX);
    told(text);
  }
}
