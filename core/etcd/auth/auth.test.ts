import { describe, expect, test } from '@jest/globals';
import { putOf, rangeOf, txnOf, txnOp, putOp, rangeOp } from '../testing/requests.ts';
import { type ServiceWorld, serviceWorld } from '../testing/service.ts';
import { isCovered, merge } from './permits.ts';

const READ = { type: 'READ', key: 'a', rangeEnd: 'b' } as const;

/** root, and ann who may read a..b. */
async function guarded(): Promise<ServiceWorld & { root: { token: string }; ann: { token: string } }> {
  const world = serviceWorld();
  const { service } = world;
  for (const name of ['root', 'ann']) await service.call('UserAdd', { name, password: name, noPassword: false }, {});
  for (const name of ['root', 'reader']) await service.call('RoleAdd', { name }, {});
  await service.call('RoleGrantPermission', { name: 'reader', permission: READ }, {});
  await service.call('UserGrantRole', { user: 'root', role: 'root' }, {});
  await service.call('UserGrantRole', { user: 'ann', role: 'reader' }, {});
  await service.call('AuthEnable', {}, {});
  const login = async (name: string) => ({ token: (await service.call('Authenticate', { name, password: name }, {})).token });
  return { ...world, root: await login('root'), ann: await login('ann') };
}

const denied = 'etcdserver: permission denied';

describe('users and roles', () => {
  test('whoever was let in by other means may do everything, with the log-in of root lost', async () => {
    const { service } = await guarded();
    await expect(service.call('Put', putOf('x'), {})).rejects.toThrow('etcdserver: user name is empty');
    await service.call('Put', putOf('x'), { superuser: true });
    await service.call('UserChangePassword', { name: 'root', password: 'new' }, { superuser: true });
    await service.call('Authenticate', { name: 'root', password: 'new' }, {});
  });

  test('a change that is sent again, because its answer got lost, is answered as it was and not made again', async () => {
    const { service, root } = await guarded();
    const add = () =>
      service.call('UserAdd', { name: 'bob', password: 'b', noPassword: false }, { ...root, requestId: 'host/1' });
    expect(await add()).toEqual(await add());
    await service.call('AuthDisable', {}, root);
    const enable = () => service.call('AuthEnable', {}, { requestId: 'host/2' });
    expect(await enable()).toEqual(await enable());
    await expect(service.call('RoleAdd', { name: 'reader' }, { ...root, requestId: 'host/3' })).rejects.toThrow();
  });

  test('a token is void once it is old, its user has another password or is gone, or authentication was off', async () => {
    const world = await guarded();
    const { service, ann, root } = world;
    const read = () => service.call('Range', rangeOf('a'), ann);
    const invalid = 'etcdserver: invalid auth token';
    await read();
    await service.call('UserChangePassword', { name: 'ann', password: 'other' }, root);
    await expect(read()).rejects.toThrow(invalid);
    await service.call('AuthDisable', {}, root);
    await service.call('AuthEnable', {}, {});
    // The harness' chance is always the same: so is the secret. It is the password's time that counts.
    await expect(read()).rejects.toThrow(invalid);
    world.time.jump(25 * 3_600_000);
    await expect(service.call('Range', rangeOf('a'), root)).rejects.toThrow(invalid);
    for (const token of ['', 'x', 'v1.e30.x', `${root.token}x`, root.token.replace('v1', 'v2')].slice(1)) {
      await expect(service.call('Range', rangeOf('a'), { token })).rejects.toThrow(invalid);
    }
  });

  test('what is nested in a transaction is no way around, nor are comparisons, previous values or watches', async () => {
    const { service, ann } = await guarded();
    const hidden = txnOf([txnOp(txnOf([], [txnOp(txnOf([putOp('a')]))]))]);
    await expect(service.call('Txn', hidden, ann)).rejects.toThrow(denied);
    await expect(service.call('Txn', txnOf([txnOp(txnOf([rangeOp('z')]))]), ann)).rejects.toThrow(denied);
    const session = service.watch(ann);
    for (const key of ['a', 'z']) {
      const request = { key, rangeEnd: '', startRevision: 0, progressNotify: false, filters: [], prevKv: false, watchId: 0 };
      session.send({ type: 'create', request: { ...request, fragment: false } });
    }
    const answers = session.answers[Symbol.asyncIterator]();
    expect((await answers.next()).value).toMatchObject({ watchId: 0, created: true });
    expect((await answers.next()).value).toMatchObject({
      canceled: true,
      cancelReason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    });
    session.close();
  });

  test('a lock needs the permission to write its key; a snapshot needs an administrator', async () => {
    const { service, ann, root } = await guarded();
    await expect(service.call('Lock', { name: 'a', lease: 0n }, ann)).rejects.toThrow(denied);
    expect((await service.call('Lock', { name: 'a', lease: 5n }, root).catch((error: Error) => error)) as unknown).toBeInstanceOf(
      Error,
    );
    const snapshot = async (caller: object) => {
      for await (const _ of service.snapshot(caller)) return true;
      return false;
    };
    await expect(snapshot(ann)).rejects.toThrow('auth: permission denied');
    expect(await snapshot(root)).toBe(true);
  });

  test('names that JavaScript has a meaning for are names like others', async () => {
    const { service } = serviceWorld();
    const names = ['__proto__', 'constructor', 'toString'];
    for (const name of names) {
      await expect(service.call('UserGet', { name }, {})).rejects.toThrow('user name not found');
      await expect(service.call('RoleGet', { role: name }, {})).rejects.toThrow('role name not found');
      await service.call('UserAdd', { name, password: 'x', noPassword: false }, {});
      await service.call('RoleAdd', { name }, {});
      expect((await service.call('UserGet', { name }, {})).roles).toEqual([]);
    }
    expect((await service.call('UserList', {}, {})).users).toEqual([...names].sort());
    expect((await service.call('RoleList', {}, {})).roles).toEqual([...names].sort());
  });

  test('neighbouring permissions cover a range together, others do not', () => {
    const covered = merge([
      { from: 'c', to: 'd' },
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'x', to: 'x' },
    ]);
    expect(covered).toEqual([{ from: 'a', to: 'd' }]);
    expect(isCovered({ from: 'a', to: 'd' }, covered)).toBe(true);
    expect(isCovered({ from: 'a', to: 'da' }, covered)).toBe(false);
  });
});
