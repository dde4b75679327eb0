import { describe, expect, test } from '@jest/globals';
import { type DockerClient, unitOfCgroups, unitOfContainer } from './docker-clients.ts';

const ID = '0123456789abcdef'.repeat(4);
const units = new Set(['db.service', 'web@1.service', 'memory.service']);
const client = (unit: string | undefined, line: string): DockerClient => ({ unit, words: line.split(' ') });
const container = (more: { name?: string; image?: string; cmd?: string[]; labels?: Record<string, string> } = {}) => ({
  Id: ID,
  Name: `/${more.name ?? 'sad_babbage'}`,
  Config: { Image: more.image ?? 'redis:7', Cmd: more.cmd ?? ['redis-server'], Labels: more.labels ?? null },
});

describe('the unit of a process', () => {
  test.each([
    ['0::/system.slice/db.service', 'db.service'],
    ['12:memory:/\n1:name=systemd:/system.slice/system-web.slice/web@1.service/sub', 'web@1.service'],
    ['0::/system.slice/_memory.service', 'memory.service'],
    ['0::/system.slice/other.service', undefined],
    // A unit of that name in a container, or of a person's own systemd, is another's.
    [`0::/system.slice/docker-${ID}.scope/system.slice/db.service`, undefined],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/db.service', undefined],
    ['5:memory:/system.slice/db.service\n1:name=systemd:/docker/x', undefined],
  ])('%j is %j', (cgroups, unit) => expect(unitOfCgroups(cgroups, units)).toBe(unit));
});

describe('whose container it is', () => {
  const of = (one: ReturnType<typeof container>, ...clients: DockerClient[]) => unitOfContainer(one, clients, units);

  test('is told by its label, whoever has started it', () => {
    expect(of(container({ labels: { 'terrane.dev/unit': 'db.service' } }))).toBe('db.service');
    expect(of(container({ labels: { 'terrane.dev/unit': 'other.service' } }))).toBe(undefined);
  });

  test('is told by the name that a command gives or starts', () => {
    const run = client('db.service', '/usr/bin/docker run --rm --name cache -v a:/b redis:7');
    expect(of(container({ name: 'cache' }), run)).toBe('db.service');
    expect(of(container({ name: 'other' }), run)).toBe(undefined);
    expect(
      of(container({ name: 'cache' }), client('db.service', 'docker -D run --name=cache redis:7 redis-server --save 60')),
    ).toBe('db.service');
    expect(of(container({ name: 'cache' }), client('web@1.service', 'docker start -a cache'))).toBe('web@1.service');
    expect(of(container(), client('web@1.service', `docker start -a ${ID.slice(0, 12)}`))).toBe('web@1.service');
    // A person's own, beside a unit's nameless command for the same image.
    const own = client(undefined, 'docker run -it --name cache redis:7');
    expect(of(container({ name: 'cache' }), own, client('db.service', 'docker run redis:7'))).toBe(undefined);
  });

  test('is told by image and command where there is no name', () => {
    expect(of(container(), client('db.service', 'docker run --rm -p 1:1 redis:7'))).toBe('db.service');
    const cmd = ['redis-server', '--port', '7'];
    expect(of(container({ cmd }), client('db.service', 'docker run redis:7 redis-server --port 7'))).toBe('db.service');
    expect(of(container({ cmd }), client('db.service', 'docker run redis:7 redis-server --port 8'))).toBe(undefined);
    expect(of(container(), client('db.service', 'docker run nginx'))).toBe(undefined);
    expect(of(container(), client('db.service', 'docker pull redis:7'))).toBe(undefined);
  });

  test('is not told by what anybody else runs as well: no container but a fenced unit’s is ended with the lease', () => {
    const alike = ['db.service', undefined].map((unit) => client(unit, 'docker run redis:7'));
    expect(of(container(), ...alike)).toBe(undefined);
    expect(of(container(), client('db.service', 'docker run redis:7'), client('web@1.service', 'docker run redis:7'))).toBe(
      'db.service',
    );
  });
});
