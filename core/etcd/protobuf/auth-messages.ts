import type { Permission } from '../service.ts';
import { always, bool, closedEnum, key, list, text, textList } from './fields.ts';
import { header } from './header.ts';
import { type Codec, message } from './message.ts';

/** etcdserverpb.Auth and authpb. */

const permission: Codec<Permission> = message({
  type: closedEnum(1, ['READ', 'WRITE', 'READWRITE']),
  key: key(2),
  rangeEnd: key(3),
});
const NO_PERMISSION: Permission = { type: 'READ', key: '', rangeEnd: '' };

/** authpb.UserAddOptions */
const options = message({ noPassword: bool(1) });
const userAdd = message({ name: text(1), password: text(2), options: always(3, options, { noPassword: false }) });

export const userAddRequest: Codec<{ name: string; password: string; noPassword: boolean }> = {
  read(reader) {
    const { name, password, options } = userAdd.read(reader);
    return { name, password, noPassword: options.noPassword };
  },
  write: (writer, { name, password, noPassword }) => userAdd.write(writer, { name, password, options: { noPassword } }),
};

/** Of Authenticate and UserChangePassword. */
export const passwordRequest = message({ name: text(1), password: text(2) });
export const authenticateResponse = message({ revision: header, token: text(2) });
/** Of UserGet, UserDelete and RoleAdd. */
export const nameRequest = message({ name: text(1) });
export const userGetResponse = message({ revision: header, roles: textList(2) });
export const userListResponse = message({ revision: header, users: textList(2) });
export const userGrantRoleRequest = message({ user: text(1), role: text(2) });
export const userRevokeRoleRequest = message({ name: text(1), role: text(2) });
/** Of RoleGet and RoleDelete. */
export const roleRequest = message({ role: text(1) });
export const roleGetResponse = message({ revision: header, permissions: list(2, permission) });
export const roleListResponse = message({ revision: header, roles: textList(2) });
export const roleGrantPermissionRequest = message({ name: text(1), permission: always(2, permission, NO_PERMISSION) });
export const roleRevokePermissionRequest = message({ role: text(1), key: key(2), rangeEnd: key(3) });
