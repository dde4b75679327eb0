import * as z from 'zod';
import { isPlainLoopback } from '../network/loopback.ts';
import { dnsLabel } from '../resources/names.ts';

/** Where people may log in besides here. */
export interface LoginProvider {
  /** In URLs, and in what is kept of a person: never change it. */
  readonly id: string;
  readonly name: string;
  /** GitHub's OAuth has no ID token: who it is, is asked of its API. */
  readonly kind: 'oidc' | 'github';
  /** https URL; of `oidc` what `/.well-known/openid-configuration` is asked of. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** For those, `id`, `clientId` and `clientSecret` are enough. */
const KNOWN = {
  github: { name: 'GitHub', issuer: 'https://github.com' },
  google: { name: 'Google', issuer: 'https://accounts.google.com' },
} as const;

const providerSchema = z.strictObject({
  id: z.string().refine((id) => dnsLabel(id) === undefined, 'must be lower-case letters, digits and -, e.g. corp'),
  name: z.string().min(1).max(40).optional(),
  issuer: z.string().refine(isSafe, 'must be an https:// URL without query').optional(),
  clientId: z.string().min(1).max(500),
  clientSecret: z.string().min(1).max(2000),
});

const fileSchema = z.strictObject({ providers: z.array(providerSchema).max(10) });

/**
 * The JSON of `--login-providers` and of the hosted service's parameter: `{"providers": [{"id": "github", "clientId": "…",
 * "clientSecret": "…"}, {"id": "corp", "name": "Corp", "issuer": "https://id.corp.example", …}]}`. Throws with what is wrong, but
 * never with what is in it.
 */
export function parseLoginProviders(text: string): readonly LoginProvider[] {
  const { providers } = checked(text);
  const ids = providers.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Error(`login providers: ${twice} is there twice`);
  return providers.map(({ id, name, issuer, clientId, clientSecret }): LoginProvider => {
    const known = Object.hasOwn(KNOWN, id) ? KNOWN[id as keyof typeof KNOWN] : undefined;
    const url = issuer ?? known?.issuer;
    if (url === undefined) throw new Error(`login providers: ${id} has no issuer`);
    const kind = id === 'github' && issuer === undefined ? 'github' : 'oidc';
    return { id, name: name ?? known?.name ?? id, kind, issuer: url, clientId, clientSecret };
  });
}

function checked(text: string): z.infer<typeof fileSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // JSON.parse quotes the text, with the secrets.
    throw new Error('login providers: not valid JSON');
  }
  const result = fileSchema.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim());
  throw new Error(`login providers: ${problems.join('; ')}`);
}

/** Secrets pass over it. Plain http only to this machine, as in tests. */
function isSafe(issuer: string): boolean {
  if (!URL.canParse(issuer)) return false;
  const url = new URL(issuer);
  return (url.protocol === 'https:' || isPlainLoopback(url)) && url.search === '' && url.hash === '';
}
