import { type JsonObject, keyJson, some } from './answers.ts';
import { bool, enumeration, type Field, key, message, optional, text } from './fields.ts';
import type { EtcdRequestOf, Permission } from '../service.ts';
import { nothing, type Unary, unary } from './unary-of.ts';

const PERMISSION_TYPES = ['READ', 'WRITE', 'READWRITE'] as const;

const permission = message({ permType: enumeration('Permission_Type', PERMISSION_TYPES), key, rangeEnd: key });

const permissionJson = ({ type, key: from, rangeEnd }: Permission): JsonObject => ({
  permType: type === 'READ' ? undefined : type,
  key: keyJson(from) || undefined,
  range_end: keyJson(rangeEnd) || undefined,
});

const userFields = message({ name: text, password: text, options: optional(message({ noPassword: bool })) });
const userAdd: Field<EtcdRequestOf<'UserAdd'>> = {
  read(json) {
    const { options, ...rest } = userFields.read(json);
    return { ...rest, noPassword: options?.noPassword ?? false };
  },
};

const grantFields = message({ name: text, perm: permission });
const roleGrantPermission: Field<EtcdRequestOf<'RoleGrantPermission'>> = {
  read(json) {
    const { name, perm } = grantFields.read(json);
    return { name, permission: { type: perm.permType ?? 'READ', key: perm.key, rangeEnd: perm.rangeEnd } };
  },
};

const named = message({ name: text });
const role = message({ role: text });

export const AUTH: Readonly<Record<string, Unary>> = {
  '/v3/auth/enable': unary('AuthEnable', nothing),
  '/v3/auth/disable': unary('AuthDisable', nothing),
  '/v3/auth/authenticate': unary('Authenticate', message({ name: text, password: text }), ({ token }) => ({ token })),
  '/v3/auth/user/add': unary('UserAdd', userAdd),
  '/v3/auth/user/get': unary('UserGet', named, ({ roles }) => ({ roles: some(roles) })),
  '/v3/auth/user/list': unary('UserList', nothing, ({ users }) => ({ users: some(users) })),
  '/v3/auth/user/delete': unary('UserDelete', named),
  '/v3/auth/user/changepw': unary('UserChangePassword', message({ name: text, password: text })),
  '/v3/auth/user/grant': unary('UserGrantRole', message({ user: text, role: text })),
  '/v3/auth/user/revoke': unary('UserRevokeRole', message({ name: text, role: text })),
  '/v3/auth/role/add': unary('RoleAdd', named),
  '/v3/auth/role/get': unary('RoleGet', role, ({ permissions }) => ({ perm: some(permissions.map(permissionJson)) })),
  '/v3/auth/role/list': unary('RoleList', nothing, ({ roles }) => ({ roles: some(roles) })),
  '/v3/auth/role/delete': unary('RoleDelete', role),
  '/v3/auth/role/grant': unary('RoleGrantPermission', roleGrantPermission),
  '/v3/auth/role/revoke': unary('RoleRevokePermission', message({ role: text, key, rangeEnd: key })),
};
