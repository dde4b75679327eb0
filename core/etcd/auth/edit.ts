import { EtcdError } from '../errors.ts';
import type { Permission } from '../service.ts';
import { type AuthState, type AuthUser, ROOT } from './auth-state.ts';

/**
 * Changes of users and roles as pure functions from a state to the next, with etcd 3.4's rules and errors. The same state back: there was
 * nothing to do.
 */
export type Edit = (state: AuthState) => AuthState;

/** `secret`: 32 random bytes, base64url. */
export function enable(secret: string): Edit {
  return (state) => {
    if (state.enabled) return state;
    const root = state.users[ROOT];
    if (!root) throw EtcdError.of('rootUserNotExist');
    if (!root.roles.includes(ROOT)) throw EtcdError.of('rootRoleNotExist');
    return { ...state, enabled: true, secret };
  };
}

export const disable: Edit = (state) => (state.enabled ? { ...state, enabled: false, secret: '' } : state);

export function addUser(name: string, password: string | undefined): Edit {
  return (state) => {
    if (name === '') throw EtcdError.of('userEmpty');
    if (state.users[name]) throw EtcdError.of('userExists');
    return withUser(state, name, { password, roles: [], since: state.revision + 1 });
  };
}

export function deleteUser(name: string): Edit {
  return (state) => {
    if (state.enabled && name === ROOT) throw EtcdError.of('invalidAuthManagement');
    userOf(state, name);
    const { [name]: _gone, ...users } = state.users;
    return { ...state, users };
  };
}

export function changePassword(name: string, password: string | undefined): Edit {
  return (state) => withUser(state, name, { ...userOf(state, name), password, since: state.revision + 1 });
}

export function grantRole(name: string, role: string): Edit {
  return (state) => {
    const user = userOf(state, name);
    // The role that may do everything need not have been added.
    if (role !== ROOT) roleOf(state, role);
    if (user.roles.includes(role)) return state;
    return withUser(state, name, { ...user, roles: [...user.roles, role].sort() });
  };
}

export function revokeRole(name: string, role: string): Edit {
  return (state) => {
    if (state.enabled && name === ROOT && role === ROOT) throw EtcdError.of('invalidAuthManagement');
    const user = userOf(state, name);
    if (!user.roles.includes(role)) throw EtcdError.of('roleNotGranted');
    return withUser(state, name, { ...user, roles: user.roles.filter((each) => each !== role) });
  };
}

export function addRole(name: string): Edit {
  return (state) => {
    if (name === '') throw EtcdError.of('roleEmpty');
    if (state.roles[name]) throw EtcdError.of('roleExists');
    return { ...state, roles: { ...state.roles, [name]: [] } };
  };
}

export function deleteRole(name: string): Edit {
  return (state) => {
    if (state.enabled && name === ROOT) throw EtcdError.of('invalidAuthManagement');
    roleOf(state, name);
    const { [name]: _gone, ...roles } = state.roles;
    const users = Object.fromEntries(
      Object.entries(state.users).map(([user, each]) => [
        user,
        each.roles.includes(name) ? { ...each, roles: each.roles.filter((role) => role !== name) } : each,
      ]),
    );
    return { ...state, roles, users };
  };
}

export function grantPermission(role: string, { type, key, rangeEnd }: Permission): Edit {
  return (state) => {
    const others = roleOf(state, role).filter((each) => each.key !== key || each.rangeEnd !== rangeEnd);
    const permissions = [...others, { type, key, rangeEnd }].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    return { ...state, roles: { ...state.roles, [role]: permissions } };
  };
}

export function revokePermission(role: string, key: string, rangeEnd: string): Edit {
  return (state) => {
    const permissions = roleOf(state, role);
    const left = permissions.filter((each) => each.key !== key || each.rangeEnd !== rangeEnd);
    if (left.length === permissions.length) throw EtcdError.of('permissionNotGranted');
    return { ...state, roles: { ...state.roles, [role]: left } };
  };
}

export function userOf(state: AuthState, name: string): AuthUser {
  const user = state.users[name];
  if (!user) throw EtcdError.of('userNotFound');
  return user;
}

export function roleOf(state: AuthState, name: string): readonly Permission[] {
  const role = state.roles[name];
  if (!role) throw EtcdError.of('roleNotFound');
  return role;
}

function withUser(state: AuthState, name: string, user: AuthUser): AuthState {
  return { ...state, users: { ...state.users, [name]: user } };
}
