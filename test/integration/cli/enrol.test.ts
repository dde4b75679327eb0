import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type AwsServer, awsServer } from '../../support/aws/server.ts';
import { type Ssm, ssm } from '../../support/aws/ssm.ts';
import { type TestTerrane, testTerrane } from './support.ts';

const id = (n: number) => `i-${n.toString(16).padStart(17, '0')}`;
const [A, B, C, D, E] = [1, 2, 3, 4, 5].map(id) as [string, string, string, string, string];

let terrane: TestTerrane;
let aws: AwsServer;
let service: Ssm;
const before = { ...process.env };

beforeAll(async () => {
  terrane = await testTerrane();
});
afterAll(() => terrane.stop());
beforeEach(async () => {
  service = ssm();
  aws = await awsServer([service]);
  const { accessKeyId, secretAccessKey, sessionToken } = aws.settings.credentials;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SSM: aws.settings.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  });
  terrane.requests.length = 0;
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_') && !(name in before)) delete process.env[name];
  aws.close();
  expect(aws.refused).toEqual([]);
});

const enrol = (...args: string[]) => terrane.run(['node', 'enrol', ...args]);
const made = () => terrane.requests.filter((request) => request.startsWith('POST /v1/tokens'));
const revoked = () => terrane.requests.filter((request) => request.startsWith('DELETE /v1/tokens'));

describe('terrane node enrol --ssm', () => {
  test('runs the join command on each instance, with a one-time token for each, and says how it goes', async () => {
    const runs = [
      ['Pending', 'Pending'],
      ['InProgress', 'InProgress'],
      ['Success', 'Success'],
    ] as const;
    service.instances.set(A, { ping: 'Online', runs }).set(B, { ping: 'Online' });
    service.instances.set('mi-0123456789abcdef0', { ping: 'Online' });
    const { code, stdout, stderr } = await enrol('--ssm', `${A},${B}`, 'mi-0123456789abcdef0');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`${A}\\s+joined`));
    for (const step of ['sent', 'pending', 'installing', 'joined']) expect(stderr).toContain(`${A}: ${step}\n`);
    expect(made()).toHaveLength(3);
    expect(made()[0]).toContain('"uses":1');
    expect(revoked()).toEqual([]);
    for (const script of service.sent.values())
      expect(script).toMatch(/curl .*\/install\.sh.* sha256sum -c .*TERRANE_TOKEN=trn_join_/s);
  });

  test('finishes those that can join when others can not, names each problem, and exits with 1', async () => {
    service.instances.set(A, { ping: 'Online' });
    service.instances.set(B, { ping: 'ConnectionLost' });
    service.instances.set(C, { ping: 'Online', runs: [['Failed', 'Failed']], stderr: 'no systemd here\n' });
    service.instances.set(D, { ping: 'Online', platform: 'Windows' });
    const { code, stdout, stderr } = await enrol('--ssm', A, B, C, D, E, '--json');
    expect(code).toBe(1);
    const [json] = stdout.split('\n{\n  "error"');
    const { instances } = JSON.parse(json!) as { instances: { instance: string; state: string; problem?: string }[] };
    expect(instances.map(({ instance, state }) => [instance, state])).toEqual([
      [A, 'joined'],
      ...[B, C, D, E].map((one) => [one, 'failed']),
    ]);
    const problems = instances.map(({ problem = '' }) => problem);
    expect(problems[1]).toMatch(/offline \(last seen \d+ min ago\)/);
    expect(problems[2]).toContain('no systemd here');
    expect(problems[3]).toContain('Windows');
    expect(problems[4]).toContain('SSM in us-east-1 does not know it');
    expect(stdout + stderr).toContain('4 of 5 instances did not join');
    // Only for those that were tried; what the failed one did not use is taken back.
    expect(made()).toHaveLength(2);
    expect(revoked()).toHaveLength(1);
  });

  test.each([
    [[['Failed', 'Undeliverable']], /could not be delivered/],
    [[['TimedOut', 'Delivery Timed Out']], /not taken in time/],
    [[['TimedOut', 'Execution Timed Out']], /took too long/],
    [[], /does not take commands/],
    [[['InProgress', 'InProgress']], /no end/],
  ] as const)('says of %j what it means, and takes the token back', async (runs, problem) => {
    service.instances.set(A, { ping: 'Online', runs });
    const { code, stdout } = await enrol('--ssm', A);
    expect(code).toBe(1);
    expect(stdout).toMatch(problem);
    expect(revoked()).toHaveLength(1);
  });

  test('of whose instances AWS lets one be touched and another not, says so of that one', async () => {
    service.instances.set(A, { ping: 'Online' }).set(B, { ping: 'Online' });
    service.forbidden.add(A);
    const { code, stdout, stderr } = await enrol('--ssm', A, B);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`${A}\\s+failed\\s+AWS does not allow it`));
    expect(stdout).toMatch(new RegExp(`${B}\\s+joined`));
    expect(stderr).toContain('ssm:SendCommand');
    expect(revoked()).toHaveLength(1);
  });

  test('waits when AWS wants it slower', async () => {
    service.instances.set(A, { ping: 'Online' });
    service.throttle = 1;
    expect((await enrol('--ssm', A)).code).toBe(0);
  });

  test.each([
    [['--ssm', 'web-1'], 2, 'not an instance id: web-1'],
    [['--ssm', 'i-123'], 2, 'not an instance id: i-123'],
    [['--ssm', A, '--timeout', '5s'], 2, '--timeout'],
    [[], 2, "required option '--ssm"],
  ])('refuses %j before it asks anybody for anything', async (args, code, message) => {
    const result = await enrol(...args);
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(message) });
    expect(made()).toEqual([]);
  });

  test('says what is missing: credentials, a region, a control plane that instances reach', async () => {
    service.instances.set(A, { ping: 'Online' });
    process.env['AWS_ACCESS_KEY_ID'] = '';
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/nowhere',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
    });
    expect(await enrol('--ssm', A)).toMatchObject({ code: 4, stderr: expect.stringContaining('aws sts get-caller-identity') });
    process.env['AWS_REGION'] = '';
    expect(await enrol('--ssm', A)).toMatchObject({ code: 2, stderr: expect.stringContaining('--region') });
    const { info } = terrane;
    terrane.info = { ...info, url: 'https://127.0.0.1:7443' };
    expect(await enrol('--ssm', A)).toMatchObject({ code: 1, stderr: expect.stringContaining('--tls-listen') });
    terrane.info = info;
    expect(made()).toEqual([]);
  });
});
