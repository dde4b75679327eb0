import { readFile, stat, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../../cli/config/config.ts';
import { PASSWORD, type TestTerrane, testTerrane, TOKEN } from './support.ts';

let terrane: TestTerrane;
afterEach(() => terrane.stop());

const configOf = async ({ config }: TestTerrane) => JSON.parse(await readFile(config, 'utf8')) as Config;
const signup = (t: TestTerrane) => ['signup', '--server', t.url, '--email', 'ann@example.com', '--org', 'acme'];

describe('signing up and logging in', () => {
  test('keeps the login in a file that only its owner reads, and never prints the token', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stdout, stderr } = await terrane.run([...signup(terrane), '--password-stdin'], { stdin: `${PASSWORD}\n` });
    expect(code).toBe(0);
    expect(stdout).toBe('Signed up as ann@example.com, organisation acme.\n');
    expect(stdout + stderr).not.toContain(TOKEN);
    expect((await stat(terrane.config)).mode & 0o777).toBe(0o600);
    expect(Object.values((await configOf(terrane)).contexts)).toEqual([
      { server: terrane.url, email: 'ann@example.com', organisation: 'acme', token: TOKEN },
    ]);
    expect(terrane.requests.at(-1)).toContain(`"password":"${PASSWORD}"`);
  });

  test('a person is asked for the password, twice for a new one', async () => {
    terrane = await testTerrane({ fresh: true });
    expect(await terrane.run(signup(terrane), { answers: [PASSWORD, 'another'] })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the two are not the same'),
    });
    expect((await terrane.run(signup(terrane), { answers: [PASSWORD, PASSWORD] })).code).toBe(0);
  });

  test('Ctrl-C at the question changes nothing and exits with 2', async () => {
    terrane = await testTerrane({ fresh: true });
    expect((await terrane.run(signup(terrane), { answers: [] })).code).toBe(2);
    await expect(stat(terrane.config)).rejects.toThrow('ENOENT');
  });

  test('without a terminal it says how to give the password', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stderr } = await terrane.run(signup(terrane));
    expect(code).toBe(2);
    expect(stderr).toContain('--password-stdin');
  });

  test('a wrong password exits with 4 and says what the server says', async () => {
    terrane = await testTerrane();
    const { code, stderr } = await terrane.run(['login', '--email', 'ann@example.com', '--password-stdin'], {
      stdin: 'nope nope',
    });
    expect(code).toBe(4);
    expect(stderr).toBe('error: E-mail or password is wrong.\n  Check both and try again.\n');
  });

  test('logging out forgets the token, and the next command says how to log in', async () => {
    terrane = await testTerrane();
    await terrane.must(['logout']);
    expect(await readFile(terrane.config, 'utf8')).not.toContain(TOKEN);
    const { code, stderr } = await terrane.run(['whoami']);
    expect(code).toBe(4);
    expect(stderr).toContain(`terrane login --server ${terrane.url}`);
  });

  test('verify takes the token or the whole link, and needs no login', async () => {
    terrane = await testTerrane({ fresh: true });
    for (const word of ['trn_verify_1', 'https://x.test/verify#trn_verify_1']) {
      expect(await terrane.must(['verify', word, '--server', terrane.url])).toBe('ann@example.com is verified.\n');
      expect(terrane.requests.at(-1)).toBe('POST /v1/verify {"token":"trn_verify_1"}');
    }
  });
});

describe('the first error that a new user sees says what to do', () => {
  test('nobody has logged in: exit 4, with the commands', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stderr } = await terrane.run(['get', 'pods']);
    expect(code).toBe(4);
    expect(stderr).toContain('terrane signup --server URL');
  });

  test('no control plane answers', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stderr } = await terrane.run(['get', 'pods', '--server', 'http://127.0.0.1:1'], {
      env: { TERRANE_TOKEN: TOKEN },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/no control plane answers at http:\/\/127\.0\.0\.1:1 .*\n.*terrane server/);
  });

  test('plain http:// to another machine is refused before anything is sent', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stderr } = await terrane.run(
      ['login', '--server', 'http://192.0.2.1', '--email', 'a@b.c', '--password-stdin'],
      { stdin: 'x' },
    );
    expect(code).toBe(2);
    expect(stderr).toContain('plain http:// would show your password');
  });

  test('a file that holds no certificate', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stderr } = await terrane.run([
      'login',
      '--server',
      `${terrane.url}`,
      '--email',
      'a@b.c',
      '--ca',
      '/no/such/file',
      '--password-stdin',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('/no/such/file holds no certificate');
  });

  test('an unknown command or option suggests the right one and exits with 2', async () => {
    terrane = await testTerrane({ fresh: true });
    expect(await terrane.run(['gett'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean get?') });
    expect(await terrane.run(['get', 'pods', '--namespase', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--namespace'),
    });
    expect((await terrane.run([])).stderr).toContain('Usage: terrane');
    expect(await terrane.run(['--version'])).toMatchObject({ code: 0, stdout: '1.2.3\n' });
    expect(await terrane.run(['token', 'create', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--kind'),
    });
  });

  test('with --json an error is one object on standard error', async () => {
    terrane = await testTerrane({ fresh: true });
    const { code, stdout, stderr } = await terrane.run(['whoami', '--json']);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'unauthenticated', fix: expect.any(String) } });
  });

  test('a damaged configuration file is named', async () => {
    terrane = await testTerrane();
    await writeFile(terrane.config, '{');
    expect(await terrane.run(['whoami'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${terrane.config} is damaged`),
    });
  });
});

describe('where a command goes', () => {
  test('TERRANE_SERVER and TERRANE_TOKEN win over the configuration, and a saved token goes to no other server', async () => {
    terrane = await testTerrane();
    expect(await terrane.run(['whoami'], { env: { TERRANE_TOKEN: 'trn_wrong' } })).toMatchObject({ code: 4 });
    const other = await terrane.run(['whoami'], { env: { TERRANE_SERVER: 'https://other.test' } });
    expect(other.stderr).toContain('not logged in to https://other.test');
  });

  test('whoami says who, where and which cluster; with --json the same as an object', async () => {
    terrane = await testTerrane();
    expect(await terrane.must(['whoami'])).toBe(
      `ann@example.com (not verified yet)\norganisation  acme (owner), 1 of 10 nodes\nserver        ${terrane.url}\ncluster       prod\n`,
    );
    expect(JSON.parse(await terrane.must(['whoami', '--json']))).toMatchObject({
      user: { email: 'ann@example.com' },
      server: terrane.url,
    });
  });

  test('contexts are listed without their tokens', async () => {
    terrane = await testTerrane();
    const text = await terrane.must(['context', 'list']);
    expect(text).toMatch(/^NAME +CURRENT +SERVER +ORGANISATION +EMAIL +CLUSTER\n127\.0\.0\.1:\d+ +\* +http/);
    expect(text + (await terrane.must(['context', 'list', '--json']))).not.toContain(TOKEN);
  });
});
