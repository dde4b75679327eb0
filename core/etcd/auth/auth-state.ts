import type { Permission } from '../service.ts';

/**
 * Who may do what, as one document in the log beside the users' keys: whoever has a replica can check, and every change of it is one
 * entry. `revision` grows by one with each change.
 */
export interface AuthState {
  readonly enabled: boolean;
  readonly revision: number;
  /** Signs tokens; a new one with each `AuthEnable`, so that no token outlives `AuthDisable`. Base64url. */
  readonly secret: string;
  readonly users: Readonly<Record<string, AuthUser>>;
  readonly roles: Readonly<Record<string, readonly Permission[]>>;
}

export interface AuthUser {
  /** password.ts's; undefined: can't authenticate by a password. */
  readonly password: string | undefined;
  /** Sorted. */
  readonly roles: readonly string[];
  /** The auth revision at which the password was set: tokens of before are void. */
  readonly since: number;
}

/** Whoever is and has it may do everything. */
export const ROOT = 'root';

/** The document's name among the keyspace's properties. */
export const AUTH_PROPERTY = 'auth';

const NOTHING: AuthState = { enabled: false, revision: 1, secret: '', users: plain({}), roles: plain({}) };
const decoded = new WeakMap<Uint8Array, AuthState>();

/** Of the property's value; read once for each. */
export function authStateOf(property: Uint8Array | undefined): AuthState {
  if (!property) return NOTHING;
  const known = decoded.get(property);
  if (known) return known;
  const { users, roles, ...rest } = JSON.parse(Buffer.from(property).toString('utf8')) as AuthState;
  // Names come from outside: no prototype must answer for them.
  const state = { ...rest, users: plain(users), roles: plain(roles) };
  decoded.set(property, state);
  return state;
}

export function encodeAuthState(state: AuthState): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(state), 'utf8'));
}

function plain<T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}
