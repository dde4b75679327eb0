import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cancelled } from '../../../cli/errors.ts';
import type { Io } from '../../../cli/io.ts';
import { createProgram } from '../../../cli/program.ts';
import { runProgram } from '../../../cli/run.ts';
import { openWorld, PASSWORD, type World } from '../accounts/world.ts';

/** The command line against the real accounts API over real HTTP and the real store. */
let world: World;
let server: Server;
let url: string;
let directory: string;
beforeAll(async () => {
  world = await openWorld({ publicUrl: () => url });
  directory = await mkdtemp(join(tmpdir(), 'terrane-cli-'));
  server = serve({ fetch: world.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
  await world.close();
});

/** `person`: whose configuration; `slept`: what goes on elsewhere while the command waits. */
async function terrane(
  person: string,
  args: readonly string[],
  { answers, slept }: { answers?: string[]; slept?: (stderr: string) => Promise<void> } = {},
) {
  const written = { out: '', err: '' };
  const output = (name: 'out' | 'err') => ({
    isTerminal: false,
    columns: undefined,
    write: async (chunk: string | Uint8Array) => {
      written[name] += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    },
  });
  const io: Io = {
    out: output('out'),
    err: output('err'),
    input: {
      isTerminal: answers !== undefined,
      readAll: async () => '',
      ask: async () => {
        const answer = answers?.shift();
        if (answer === undefined) throw cancelled();
        return answer;
      },
    },
    env: { TERRANE_CONFIG: join(directory, `${person}.json`), TERRANE_SERVER: url },
    now: () => world.clock.at,
    sleep: async (ms) => {
      world.clock.at += ms;
      await slept?.(written.err);
    },
  };
  const nothing = async () => {};
  const code = await runProgram(createProgram({ io, version: '1', runServer: nothing, runAgent: nothing }), io, args);
  return { code, ...written };
}

async function loggedIn(): Promise<{ email: string; token: string; tenant: string }> {
  const person = await world.person();
  const { code, err } = await terrane(person.email, ['login', '--email', person.email], { answers: [PASSWORD] });
  if (code !== 0) throw new Error(err);
  return person;
}

describe('login --device', () => {
  test('shows a code, waits for the approval, and keeps the login', async () => {
    const { email, token } = await world.person();
    let waits = 0;
    const { code, out, err } = await terrane('device', ['login', '--device'], {
      slept: async (stderr) => {
        if (++waits < 3) return;
        const user_code = /[B-Z]{4}-[B-Z]{4}$/m.exec(stderr)?.[0];
        if (waits === 3) await world.expectStatus(204, 'POST', '/v1/device/approve', { as: token, body: { user_code } });
      },
    });
    expect({ code, waits }).toEqual({ code: 0, waits: 3 });
    expect(err).toContain(`${url}/device?user_code=`);
    expect(out).toContain(`Logged in as ${email}`);
    expect(out + err).not.toContain('trn_');
    expect((await terrane('device', ['whoami'])).out).toContain(email);
    expect((await terrane('device', ['session', 'list'])).out).toMatch(/\*.*127\.0\.0\.1|\*.*192\.0\.2\.1/);
  });

  test('ends when the code has expired, or was denied, and says why', async () => {
    const { token } = await world.person();
    const expired = await terrane('late', ['login', '--device'], { slept: async () => void (world.clock.at += 900_000) });
    expect(expired).toMatchObject({ code: 4, err: expect.stringContaining('has expired') });
    const denied = await terrane('denied', ['login', '--device'], {
      slept: async (stderr) => {
        const user_code = /[B-Z]{4}-[B-Z]{4}$/m.exec(stderr)?.[0];
        await world.call('POST', '/v1/device/approve', { as: token, body: { user_code, deny: true } });
      },
    });
    expect(denied).toMatchObject({ code: 4, err: expect.stringContaining('refused') });
    expect((await terrane('x', ['login', '--device', '--email', 'a@b.co'])).code).toBe(2);
  });
});

test('a password is changed, and set anew with the command that the mail says', async () => {
  const { email, token } = await loggedIn();
  const changed = await terrane(email, ['password', 'change'], { answers: [PASSWORD, 'a new password', 'a new password'] });
  expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('changed') });
  expect((await world.call('GET', '/v1/me', { as: token })).status).toBe(401);
  expect((await terrane(email, ['whoami'])).code).toBe(0);

  expect((await terrane('nobody', ['password', 'forgot', '--email', email])).code).toBe(0);
  const command = world.mails.findLast(({ to, subject }) => to === email && subject.includes('new'))!;
  const args = /^terrane (.*)$/m.exec(command.text)![1]!.split(' ');
  const reset = await terrane('nobody', args, { answers: ['the third one', 'the third one'] });
  expect(reset).toMatchObject({ code: 0, out: expect.stringContaining(email) });
  expect((await terrane(email, ['whoami'])).code).toBe(4);
  expect((await terrane(email, ['login', '--email', email], { answers: ['the third one'] })).code).toBe(0);
});

test('an organisation tells its usage and its audit log, is exported, and deleted by its name only', async () => {
  const { email, token } = await loggedIn();
  await world.cluster(token, 'blue');
  expect((await terrane(email, ['org', 'usage'])).out).toMatch(/clusters +1 of 20\n(.*\n)*key-value +0 B of 2 GB/);
  expect((await terrane(email, ['org', 'audit', '--action', 'cluster.'])).out).toMatch(/cluster\.create/);
  const lines = (await terrane(email, ['org', 'audit', '--export'])).out.trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { action: string }).action)).toContain('user.signup');
  expect((await terrane(email, ['org', 'export'])).out).toContain('"type":"cluster"');
  const name = `Org of ${email.split('@')[0]}`;
  expect((await terrane(email, ['org', 'delete', 'other', '--yes'])).code).toBe(2);
  expect((await terrane(email, ['org', 'delete', name], { answers: ['n'] })).code).toBe(2);
  expect(await terrane(email, ['org', 'delete', name], { answers: ['y'] })).toMatchObject({ code: 0 });
  expect(await readFile(join(directory, `${email}.json`), 'utf8')).not.toContain('trn_');
  expect((await terrane(email, ['whoami'])).code).toBe(4);
});
