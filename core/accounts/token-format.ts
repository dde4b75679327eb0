import { createHash } from 'node:crypto';
import { TerraneError } from '../errors/terrane-error.ts';
import { crc32 } from './crc32.ts';

/**
 * Secrets as their owners see them: `trn_<id>_<secret>_<crc>` is an API token; other kinds have their name after `trn_`, as in
 * `trn_join_<id>_<secret>_<crc>`. The check sum tells a token that was cut or mistyped from one that is unknown, without a
 * look-up. Only the SHA-256 of the whole text is kept: 32 random bytes need no slow hash.
 */
export type SecretKind = 'api' | 'join' | 'update' | 'session' | 'verify' | 'invite' | 'reset' | 'device';

export interface ParsedSecret {
  readonly kind: SecretKind;
  readonly id: string;
  /** What the store looks it up by: hex SHA-256 of the text. */
  readonly hash: string;
}

const KINDS: readonly SecretKind[] = ['api', 'join', 'update', 'session', 'verify', 'invite', 'reset', 'device'];
const FORM = /^trn_(?:([a-z]+)_)?([a-z0-9]{12})_([0-9a-f]{64})_([0-9a-f]{8})$/;
const LENGTH_MAX = 200;

/** `id` names it in lists and audit records; `entropy` is 32 random bytes. */
export function formatSecret(kind: SecretKind, id: string, entropy: Uint8Array): string {
  const body = `trn_${kind === 'api' ? '' : `${kind}_`}${id}_${Buffer.from(entropy).toString('hex')}`;
  return `${body}_${crc32(body)}`;
}

/** Throws `token_garbled` or `token_wrong_kind`; white space around it is forgiven. */
export function parseSecret(text: string, expected: readonly SecretKind[]): ParsedSecret {
  const token = text.length > LENGTH_MAX ? '' : text.trim();
  const [, name = 'api', id, , crc] = FORM.exec(token) ?? [];
  const kind = KINDS.find((known) => known === name);
  if (!kind || !id || crc32(token.slice(0, -9)) !== crc) throw new TerraneError('token_garbled');
  if (!expected.includes(kind)) {
    throw new TerraneError(
      'token_wrong_kind',
      `This is ${NAMES[kind]}; here ${expected.map((k) => NAMES[k]).join(' or ')} is needed.`,
    );
  }
  return { kind, id, hash: hashSecret(token) };
}

export function hashSecret(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

const NAMES: Readonly<Record<SecretKind, string>> = {
  api: 'an API token',
  join: 'a join token',
  update: 'an update token',
  session: 'a session token',
  verify: 'an e-mail verification token',
  invite: 'an invitation',
  reset: 'a token to set a new password',
  device: 'a device code',
};
