/** What every page and file of the console is sent with. lib/security-headers.ts says the same to CloudFront; a test compares them. */
export const CONSOLE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const CONSOLE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONSOLE_CSP,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Only where the console has the standard port of its host: it binds all of the host's ports, also those of other programs. */
export const HSTS = { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } as const;

/** Names of files below /assets/ hold their hash: what is there never changes. */
export const ASSET_CACHE = 'public, max-age=31536000, immutable';
/** Pages name the assets, so they are asked for each time. */
export const PAGE_CACHE = 'no-cache';
