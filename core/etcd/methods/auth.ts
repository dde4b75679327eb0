import type { Transaction } from '../../keyspace/transaction.ts';
import { AUTH_PROPERTY, type AuthState, authStateOf, encodeAuthState } from '../auth/auth-state.ts';
import * as edit from '../auth/edit.ts';
import { hashPassword, isPassword } from '../auth/password.ts';
import { makeToken } from '../auth/token.ts';
import { EtcdError } from '../errors.ts';
import type { Answered, EtcdCaller } from '../service.ts';
import type { MethodContext, Methods } from './methods.ts';

type AuthMethod =
  | 'AuthEnable'
  | 'AuthDisable'
  | 'Authenticate'
  | 'UserAdd'
  | 'UserGet'
  | 'UserList'
  | 'UserDelete'
  | 'UserChangePassword'
  | 'UserGrantRole'
  | 'UserRevokeRole'
  | 'RoleAdd'
  | 'RoleGet'
  | 'RoleList'
  | 'RoleDelete'
  | 'RoleGrantPermission'
  | 'RoleRevokePermission';

const SALT_BYTES = 16;
const SECRET_BYTES = 32;

/** Only administrators manage users and roles, once authentication is on. */
export function authMethods({ keyspace, permits, timing, randomBytes }: MethodContext): Pick<Methods, AuthMethod> {
  async function change(caller: EtcdCaller, apply: edit.Edit): Promise<Answered> {
    const { requestId, again } = caller;
    const run = (txn: Transaction) => {
      permits(txn, caller).admin();
      const before = authStateOf(txn.property(AUTH_PROPERTY));
      const after = apply(before);
      if (after !== before) txn.setProperty(AUTH_PROPERTY, encodeAuthState({ ...after, revision: before.revision + 1 }));
    };
    // Sent again because its answer got lost, it was done then: it must not be told that, say, the user is there already.
    const { revision } = await keyspace.transact(
      run,
      requestId === undefined ? {} : { requestId, fence: again, duplicate: () => undefined },
    );
    return { revision };
  }

  async function look(): Promise<Answered & { readonly state: AuthState }> {
    const { revision } = await keyspace.sync();
    return { revision, state: authStateOf(keyspace.property(AUTH_PROPERTY)) };
  }

  const hash = (password: string) => hashPassword(password, randomBytes(SALT_BYTES));

  return {
    AuthEnable: (_, caller) => change(caller, edit.enable(Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url'))),
    AuthDisable: (_, caller) => change(caller, edit.disable),
    async Authenticate({ name, password }) {
      const { revision, state } = await look();
      if (!state.enabled) throw EtcdError.of('authNotEnabled');
      const user = state.users[name];
      if (user && user.password === undefined) throw EtcdError.of('noPasswordUser');
      if (!user?.password || !(await isPassword(password, user.password))) throw EtcdError.of('authFailed');
      return { revision, token: makeToken(state, name, timing.now()) };
    },

    async UserAdd({ name, password, noPassword }, caller) {
      if (name === '') throw EtcdError.of('userEmpty');
      permits(keyspace, caller).admin();
      return change(caller, edit.addUser(name, noPassword ? undefined : await hash(password)));
    },
    async UserGet({ name }, caller) {
      const { revision, state } = await look();
      permits(keyspace, caller).self(name);
      return { revision, roles: edit.userOf(state, name).roles };
    },
    async UserList(_, caller) {
      const { revision, state } = await look();
      permits(keyspace, caller).admin();
      return { revision, users: Object.keys(state.users).sort() };
    },
    UserDelete: ({ name }, caller) => change(caller, edit.deleteUser(name)),
    async UserChangePassword({ name, password }, caller) {
      permits(keyspace, caller).admin();
      return change(caller, edit.changePassword(name, await hash(password)));
    },
    UserGrantRole: ({ user, role }, caller) => change(caller, edit.grantRole(user, role)),
    UserRevokeRole: ({ name, role }, caller) => change(caller, edit.revokeRole(name, role)),

    RoleAdd: ({ name }, caller) => change(caller, edit.addRole(name)),
    async RoleGet({ role }, caller) {
      const { revision, state } = await look();
      permits(keyspace, caller).member(role);
      return { revision, permissions: edit.roleOf(state, role) };
    },
    async RoleList(_, caller) {
      const { revision, state } = await look();
      permits(keyspace, caller).admin();
      return { revision, roles: Object.keys(state.roles).sort() };
    },
    RoleDelete: ({ role }, caller) => change(caller, edit.deleteRole(role)),
    RoleGrantPermission: ({ name, permission }, caller) => change(caller, edit.grantPermission(name, permission)),
    RoleRevokePermission: ({ role, key, rangeEnd }, caller) => change(caller, edit.revokePermission(role, key, rangeEnd)),
  };
}
