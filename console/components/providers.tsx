import type { LoginProviderView, OidcStart } from '../../core/accounts/api.ts';
import { ask } from '../api/http.ts';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';
import { Problem } from './states.tsx';

export const useProviders = (): readonly LoginProviderView[] =>
  useLoad<{ providers: readonly LoginProviderView[] }>('/v1/oidc').data?.providers ?? [];

/** Leaves for the provider's own page; it sends the browser back to the server. */
export async function leaveFor(provider: string, body: OidcStart): Promise<void> {
  const { url } = await ask<{ url: string }>(`/v1/oidc/${provider}`, { method: 'POST', body });
  location.assign(url);
  // The page goes on living until the next one is there: the button stays busy.
  await new Promise(() => {});
}

interface ProvidersProps {
  readonly verb: string;
  /** What is sent along; undefined: something is missing, which the form tells. */
  readonly start: () => OidcStart | undefined;
}

/** One button for each login provider; nothing where there is none. */
export function Providers({ verb, start }: ProvidersProps) {
  const providers = useProviders();
  const go = useAction(async (id: string) => {
    const body = start();
    if (body) await leaveFor(id, body);
  });
  if (providers.length === 0) return null;
  return (
    <div class="providers">
      <p class="or">or</p>
      {providers.map(({ id, name }) => (
        <button key={id} type="button" disabled={go.busy} onClick={() => void go.run(id)}>
          {verb} with {name}
        </button>
      ))}
      <Problem problem={go.problem} />
    </div>
  );
}
