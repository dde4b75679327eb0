import { describe, expect, test } from '@jest/globals';
import { crc32 } from './crc32.ts';
import { clusterNameProblem, emailProblem, organisationProblem, passwordProblem } from './names.ts';
import { nodeNameAttempt, nodeNameFrom } from './node-name.ts';
import { atLeast, lowerRole, roleForClusterRequest } from './roles.ts';
import { bucketBounds, bucketWait } from './token-bucket.ts';
import { formatSecret, parseSecret } from './token-format.ts';

describe('tokens', () => {
  const entropy = new Uint8Array(32).fill(7);
  const join = formatSecret('join', 'abcdefghijkl', entropy);

  test('the check sum is CRC-32', () => expect(crc32('123456789')).toBe('cbf43926'));

  test('read back as what they were made', () => {
    expect(join).toMatch(/^trn_join_abcdefghijkl_(07){32}_[0-9a-f]{8}$/);
    expect(parseSecret(` ${join}\n`, ['join'])).toMatchObject({ kind: 'join', id: 'abcdefghijkl' });
    expect(parseSecret(formatSecret('api', 'abcdefghijkl', entropy), ['api'])).toMatchObject({ kind: 'api' });
  });

  test.each([
    ['cut', join.slice(0, -1)],
    ['mistyped', join.replace('07', '08')],
    ['of another kind by hand', join.replace('join', 'api')],
    ['something else', 'hello'],
    ['empty', ''],
    ['huge', 'trn_'.repeat(100_000)],
  ])('are called garbled when %s', (_how, text) => {
    expect(() => parseSecret(text, ['join', 'api'])).toThrow(expect.objectContaining({ code: 'token_garbled' }));
  });

  test('of the wrong kind are named', () => {
    expect(() => parseSecret(join, ['api', 'session'])).toThrow(
      'This is a join token; here an API token or a session token is needed.',
    );
  });
});

describe('names', () => {
  test.each(['ada@example.com', 'a.b+c@x-y.co', 'root@localhost', 'größe@example.org'])('%s is an e-mail address', (email) => {
    expect(emailProblem(email)).toBeUndefined();
  });
  test.each([
    '',
    'ada',
    'ada@',
    '@x.com',
    'a b@x.com',
    'a@x..com',
    'a@b@c.com',
    'a@x.com\nBcc: y@z.com',
    `${'a'.repeat(250)}@x.com`,
  ])('%j is not an e-mail address', (email) => expect(emailProblem(email)).toMatch(/must/));
  test.each(['Acme', 'Müller & Söhne', "O'Neil 2.0", '7'])('%s may be an organisation', (name) => {
    expect(organisationProblem(name)).toBeUndefined();
  });
  test.each(['', ' acme', 'a\u0000b', '<script>', 'x'.repeat(65)])('%j may not be an organisation', (name) => {
    expect(organisationProblem(name)).toMatch(/must/);
  });
  test('clusters are DNS labels of at most 40', () => {
    expect(clusterNameProblem('prod-1')).toBeUndefined();
    expect(clusterNameProblem('Prod')).toMatch(/lower case/);
    expect(clusterNameProblem('x'.repeat(41))).toMatch(/40/);
  });
  test('passwords are long rather than clever', () => {
    expect(passwordProblem('correct horse', 'a@b.c')).toBeUndefined();
    expect(passwordProblem('short', 'a@b.c')).toMatch(/8 characters/);
    expect(passwordProblem('aaaaaaaaaaaa', 'a@b.c')).toMatch(/same few/);
    expect(passwordProblem('ada@example.com', 'ada@example.com')).toMatch(/e-mail/);
    expect(passwordProblem('x'.repeat(257), 'a@b.c')).toMatch(/256/);
  });
});

describe('node names', () => {
  test.each([
    ['web', 'web'],
    ['Web_01.example.com', 'web-01-example-com'],
    ['--x--', 'x'],
    ['___', 'node'],
    ['a'.repeat(70), 'a'.repeat(63)],
  ])('%s becomes %s', (wish, name) => expect(nodeNameFrom(wish)).toBe(name));

  test('get a suffix when taken, and stay labels', () => {
    expect([1, 2, 3].map((n) => nodeNameAttempt('web', n))).toEqual(['web', 'web-2', 'web-3']);
    expect(nodeNameAttempt('a'.repeat(63), 12)).toBe(`${'a'.repeat(60)}-12`);
  });
});

describe('roles', () => {
  test('include the lower ones', () => {
    expect(atLeast('owner', 'viewer')).toBe(true);
    expect(atLeast('viewer', 'editor')).toBe(false);
    expect(lowerRole('admin', 'viewer')).toBe('viewer');
    expect(lowerRole('viewer', 'owner')).toBe('viewer');
  });
  test.each([
    ['GET', '/clusters/c/api/v1/namespaces/default/pods', 'viewer'],
    ['POST', '/clusters/c/api/v1/namespaces/default/pods', 'editor'],
    ['GET', '/clusters/c/api/v1/namespaces/default/secrets', 'editor'],
    ['GET', '/clusters/c/api/v1/secrets', 'editor'],
    ['GET', '/clusters/c/api/v1/namespaces/secrets', 'viewer'],
    ['POST', '/clusters/c/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'viewer'],
    ['POST', '/clusters/c/etcd/v3/kv/range', 'viewer'],
    ['POST', '/clusters/c/api/etcd/v3/kv/range', 'editor'],
  ])('%s %s needs %s', (method, path, role) => expect(roleForClusterRequest(method, path)).toBe(role));
});

describe('a token bucket', () => {
  const size = { burst: 3, refillMs: 1000 };
  test('gives its burst at once, then one each interval, and says how long to wait', () => {
    const { firstFullAt, fullAtMax, emptyFullAt } = bucketBounds(size, 10_000);
    const second = firstFullAt + size.refillMs;
    expect(firstFullAt <= fullAtMax && second <= fullAtMax).toBe(true);
    expect(second + size.refillMs).toBe(emptyFullAt);
    expect(bucketWait(size, emptyFullAt, 10_000)).toBe(1000);
    expect(bucketWait(size, emptyFullAt, 10_400)).toBe(600);
    expect(emptyFullAt).toBeLessThanOrEqual(bucketBounds(size, 11_000).fullAtMax);
  });
  test('never makes anyone wait longer than one interval after a clock was set back', () => {
    expect(bucketWait(size, 99_000_000, 10_000)).toBe(1000);
  });
});
