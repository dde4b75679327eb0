import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { catalogue, type ErrorCode } from '../../core/errors/catalogue.ts';
import type { LoginView } from '../../core/accounts/api.ts';
import { ApiError, ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { EmailField, Field, Form, PasswordField, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Providers } from '../components/providers.tsx';
import { Problem } from '../components/states.tsx';
import { useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { safePath } from '../safe-path.ts';

export function LoginPage() {
  const { me, refresh } = useSession();
  const { query, route } = useLocation();
  const next = safePath(query['next']);
  // In the fragment, which no server sees.
  const invitation = location.hash.slice(1) || undefined;
  const { organisation } = query;
  const logIn = useAction(async (values: Values) => {
    await ask<LoginView>('/v1/login', {
      method: 'POST',
      body: { ...values, cookie: true, ...(invitation ? { invitation } : organisation ? { organisation } : {}) },
    });
    await refresh();
  });
  useEffect(() => {
    if (me && !query['problem']) route(next, true);
  }, [me]);
  return (
    <Page title="Log in" narrow>
      <Problem problem={problemOf(query['problem'])} />
      {invitation && <p>You log in to the organisation that has invited you.</p>}
      <Form action={logIn} submit="Log in">
        <EmailField autoFocus defaultValue={query['email'] ?? ''} />
        <PasswordField />
        {organisation && <Field name="organisation" label="Organisation" defaultValue={organisation} />}
      </Form>
      <Providers verb="Log in" start={() => ({ next, ...(invitation ? { invitation } : {}) })} />
      <p>
        <a href="/forgot">Forgot the password?</a> · <a href={`/signup${location.hash}`}>Create an account</a>
      </p>
      <Cli>{`terrane login --server ${location.origin}`}</Cli>
    </Page>
  );
}

/** The login provider's way back can only leave a code of the catalogue in the address. */
export function problemOf(code: string | undefined): ApiError | undefined {
  if (!code || !Object.hasOwn(catalogue, code)) return undefined;
  const { status, when, fix } = catalogue[code as ErrorCode];
  return new ApiError({ status, code, message: when, fix });
}
