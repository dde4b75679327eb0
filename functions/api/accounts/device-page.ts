import { html } from 'hono/html';
import { page } from './verify-page.ts';

const WARNING =
  'Only go on if you have just started a login on a device of yours that shows this code: it can then do all that you can.';

/** Asks who isn't logged in for e-mail and password, too. */
export function devicePage(userCode: string, loggedInAs: string | undefined) {
  const account = loggedInAs
    ? html`<p>You are logged in as ${loggedInAs}.</p>`
    : html`<p><label>E-mail <input name="email" type="email" autocomplete="username" required /></label></p>
        <p><label>Password <input name="password" type="password" autocomplete="current-password" required /></label></p>`;
  return page(
    'Log in a device',
    html`<p>${WARNING}</p>
      <form method="post" action="/v1/device/approve">
        <p><label>Code <input name="user_code" value="${userCode}" autocomplete="off" required /></label></p>
        ${account}
        <button type="submit">Log the device in</button>
      </form>`,
  );
}
