import { EtcdError } from '../errors.ts';
import { type Interval, intervalOf } from '../key-range.ts';
import type { KeyRange } from '../requests.ts';
import type { EtcdCaller, Permission } from '../service.ts';
import { type AuthState, authStateOf, ROOT } from './auth-state.ts';
import { userOfToken } from './token.ts';

/** What a caller may do at one state of the store. Each throws EtcdError if he may not. */
export interface Permits {
  /** Undefined: authentication is off, or it is somebody who was let in by other means. */
  readonly user: string | undefined;
  read(range: KeyRange): void;
  write(range: KeyRange): void;
  admin(): void;
  /** Known at all. */
  known(): void;
  /** An administrator, or the user himself. */
  self(name: string): void;
  /** An administrator, or somebody who has that role. */
  member(role: string): void;
}

/** `property`: of the state that the answer will be of. Throws EtcdError for a token that isn't good. */
export function permitsOf(property: Uint8Array | undefined, caller: EtcdCaller, now: number): Permits {
  const state = authStateOf(property);
  if (!state.enabled || (caller.superuser && !caller.token)) return EVERYTHING_PERMITTED;
  const name = caller.token ? userOfToken(state, caller.token, now) : undefined;
  if (name === undefined) return NOTHING;
  const roles = state.users[name]?.roles ?? [];
  if (roles.includes(ROOT)) return { ...EVERYTHING_PERMITTED, user: name };
  const covers = (range: KeyRange, type: 'READ' | 'WRITE') => {
    if (!isCovered(intervalOf(range), intervalsOf(state, name, type))) throw EtcdError.of('permissionDenied');
  };
  const denied = () => {
    throw EtcdError.of('permissionDenied');
  };
  return {
    user: name,
    read: (range) => covers(range, 'READ'),
    write: (range) => covers(range, 'WRITE'),
    admin: denied,
    known: () => {},
    self: (other) => (other === name ? undefined : denied()),
    member: (role) => (roles.includes(role) ? undefined : denied()),
  };
}

const allow = () => {};
export const EVERYTHING_PERMITTED: Permits = {
  user: undefined,
  read: allow,
  write: allow,
  admin: allow,
  known: allow,
  self: allow,
  member: allow,
};

/** etcd's words for a caller without a token. */
const unknown = () => {
  throw EtcdError.of('userEmpty');
};
const NOTHING: Permits = {
  user: undefined,
  read: unknown,
  write: unknown,
  admin: unknown,
  known: unknown,
  self: unknown,
  member: unknown,
};

type Merged = Record<Exclude<Permission['type'], 'READWRITE'>, readonly Interval[]>;

/** Merged once for each state and user. */
const merged = new WeakMap<AuthState, Map<string, Merged>>();

function intervalsOf(state: AuthState, user: string, type: keyof Merged): readonly Interval[] {
  const byUser = merged.get(state) ?? new Map<string, Merged>();
  merged.set(state, byUser);
  const known = byUser.get(user);
  if (known) return known[type];
  const permissions = state.users[user]!.roles.flatMap((role) => state.roles[role] ?? []);
  const of = (wanted: keyof Merged) =>
    merge(permissions.filter((each) => each.type === wanted || each.type === 'READWRITE').map(intervalOf));
  const intervals = { READ: of('READ'), WRITE: of('WRITE') };
  byUser.set(user, intervals);
  return intervals[type];
}

/** Those that overlap or touch become one: a range may be covered by several permissions together. */
export function merge(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.filter(({ from, to }) => from < to).sort((a, b) => (a.from < b.from ? -1 : 1));
  const result: Interval[] = [];
  for (const { from, to } of sorted) {
    const last = result.at(-1);
    if (!last || last.to < from) result.push({ from, to });
    else if (last.to < to) result[result.length - 1] = { from: last.from, to };
  }
  return result;
}

export function isCovered({ from, to }: Interval, by: readonly Interval[]): boolean {
  return by.some((each) => each.from <= from && to <= each.to);
}
