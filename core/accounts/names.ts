import { dnsLabel } from '../resources/names.ts';

/** Rules for what people type. Each answers what is wrong, or nothing. */

// One @, a dotted domain, no white space or control characters: the mail that we send is the real check.
const EMAIL = /^[^\s@\p{Cc}"<>(),;:\\[\]]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/iu;
const ORGANISATION = /^[\p{L}\p{N}][\p{L}\p{N} ._&'-]*$/u;

/** E-mail addresses are compared without regard to case. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}

export function emailProblem(email: string): string | undefined {
  if (email.length > 254) return 'must be no more than 254 characters';
  return EMAIL.test(email) ? undefined : 'must be an e-mail address such as ada@example.com';
}

export function organisationProblem(name: string): string | undefined {
  if (name.length === 0) return 'must not be empty';
  if (name.length > 64) return 'must be no more than 64 characters';
  return ORGANISATION.test(name)
    ? undefined
    : "must start with a letter or digit and contain only letters, digits, spaces and . _ & ' -";
}

export function clusterNameProblem(name: string): string | undefined {
  return name.length > 40 ? 'must be no more than 40 characters' : dnsLabel(name);
}

/** NIST SP 800-63B: length counts, composition rules don't. The upper bound keeps hashing bounded. */
export function passwordProblem(password: string, email: string): string | undefined {
  if (password.length < 8) return 'must have at least 8 characters; a sentence of several words is good';
  if (password.length > 256) return 'must be no more than 256 characters';
  if (new Set(password).size < 4) return 'must not be the same few characters over and over';
  return password.toLowerCase() === email ? 'must not be the e-mail address' : undefined;
}
