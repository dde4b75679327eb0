import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/http.ts';

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="quiet" role="status">
      Loading {what}…
    </p>
  );
}

/** What went wrong and what to do, in the words of the catalogue. */
export function Problem({ problem, retry }: { readonly problem: ApiError | undefined; readonly retry?: () => unknown }) {
  if (!problem) return null;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{problem.message}</strong> {problem.fix}
      </p>
      {problem.requestId && problem.status >= 500 && <p class="quiet">Request {problem.requestId}</p>}
      {retry && (
        <button type="button" onClick={() => void retry()}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Done({ children }: { readonly children: ComponentChildren }) {
  return (
    <p class="done" role="status">
      {children}
    </p>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}
