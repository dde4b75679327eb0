import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}' +
  'button,input{font:inherit;padding:.5rem 1.25rem;cursor:pointer}';

/** No script, no image, nothing from elsewhere; only our one style sheet, and forms only to us. */
export const CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export function confirmPage(token: string) {
  return page(
    'Verify your e-mail address',
    html`<form method="post" action="/v1/verify">
      <input type="hidden" name="token" value="${token}" />
      <button type="submit">Verify</button>
    </form>`,
  );
}

export function resultPage(title: string, text: string) {
  return page(title, html`<p>${text}</p>`);
}

/** One of the few pages that the API itself has. Send it with the CSP. */
export function page(title: string, content: ReturnType<typeof html>) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} - Terrane</title>
        <style>${raw(STYLE)}</style>
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`;
}
