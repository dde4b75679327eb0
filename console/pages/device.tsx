import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../api/http.ts';
import { Field } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done, Problem } from '../components/states.tsx';
import { useMe } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';

/** The verification URI of RFC 8628: a person says that the device which shows this code is theirs. */
export function DevicePage() {
  const { user, organisation } = useMe();
  const { query } = useLocation();
  const [code, setCode] = useState(query['user_code']?.slice(0, 20) ?? '');
  const [done, setDone] = useState<'approved' | 'denied'>();
  const decide = useAction(async (deny: boolean) => {
    await ask('/v1/device/approve', { method: 'POST', body: { user_code: code, deny } });
    setDone(deny ? 'denied' : 'approved');
  });
  if (done) {
    return (
      <Page title="Log in a device" narrow>
        <Done>
          {done === 'approved' ? 'The device is logged in within seconds. You can close this page.' : 'The device is not let in.'}
        </Done>
      </Page>
    );
  }
  return (
    <Page title="Log in a device" narrow>
      <p class="notice">
        Only go on if you have just started a login on a device of yours that shows <strong>this code</strong>: it can then do all
        that you can.
      </p>
      <p>
        It will be logged in as {user.email} in {organisation.name}.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void decide.run(false);
        }}
      >
        <Field
          name="user_code"
          label="Code"
          required
          autocomplete="off"
          autoCapitalize="characters"
          spellcheck={false}
          class="code"
          placeholder="BCDF-GHJK"
          maxLength={20}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
        <Problem problem={decide.problem} />
        <div class="buttons">
          <button type="submit" class="primary" disabled={decide.busy}>
            Log the device in
          </button>
          <button type="button" disabled={decide.busy || !code} onClick={() => void decide.run(true)}>
            It is not mine
          </button>
        </div>
      </form>
    </Page>
  );
}
