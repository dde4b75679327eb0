import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inside, ip, makeNamespace, removeNamespaces } from '../../support/netlab/namespaces.ts';
import { CLUSTER, type TestControlPlane, testControlPlane } from './control-plane.ts';
import { install, JOIN_TOKEN, run, start } from './run-script.ts';

const canIsolate = process.getuid?.() === 0 && existsSync('/usr/sbin/nft');
if (!canIsolate) console.warn("skipped what uninstall.sh does about the pods' network: it takes root and nftables");

let plane: TestControlPlane;
let prefix: string;

beforeEach(async () => {
  plane = await testControlPlane();
  prefix = join(plane.directory, 'host');
  await plane.publish('1.0.0');
});
afterEach(() => plane.stop());

const tree = async (directory: string) => (existsSync(directory) ? (await readdir(directory, { recursive: true })).sort() : []);

describe('a good install', () => {
  test('puts a version under `current`, the token in a file only its owner reads, and prints the command that runs it', async () => {
    const { code, stdout, stderr } = await install(plane, ['--prefix', prefix, '--name', 'edge-1']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await readlink(join(prefix, 'current'))).toMatch(/\/versions\/1\.0\.0-[0-9a-f]{12}$/);
    expect((await stat(join(prefix, 'data/join-token'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(prefix, 'data'))).mode & 0o777).toBe(0o700);
    expect(stdout.trim()).toBe(
      `${prefix}/current/bin/terrane-agent --server ${plane.url} --data ${prefix}/data --docker /var/run/docker.sock` +
        ` --name edge-1 --token-file ${prefix}/data/join-token`,
    );
    expect(stdout + stderr).not.toContain(JOIN_TOKEN);
  });

  test('--foreground becomes the agent: same process, so that who started it can stop it', async () => {
    const { code, stdout, pid } = await install(plane, ['--prefix', prefix, '--foreground']);
    expect(code).toBe(0);
    const said = JSON.parse(stdout) as { pid: number; token: string; flags: string[] };
    expect(said).toMatchObject({ pid, token: JOIN_TOKEN });
    expect(said.flags).toContain('--max-old-space-size=64');
  });

  test('run again, it changes nothing and needs no token, since the host has joined', async () => {
    await install(plane, ['--prefix', prefix, '--foreground']);
    const before = await readlink(join(prefix, 'current'));
    const { code, stderr } = await install(plane, ['--prefix', prefix], {});
    expect(code).toBe(0);
    expect(stderr).toContain('is installed already');
    expect(await readlink(join(prefix, 'current'))).toBe(before);
  });

  test('a host that has joined one cluster is not made to look as if it had joined another', async () => {
    await install(plane, ['--prefix', prefix, '--foreground']);
    const before = await tree(prefix);
    const env = { TERRANE_TOKEN: JOIN_TOKEN, TERRANE_SERVER: 'https://192.0.2.1' };
    const { code, stderr } = await install(plane, ['--prefix', prefix], { ...env, TERRANE_CLUSTER_ID: 'another' });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /is node test-node of the cluster cluster-one; the join command is for the cluster another\. Nothing was done/,
    );
    expect(stderr).toMatch(/to move it: terrane node remove test-node there, then .*\/uninstall\.sh --purge here/);
    expect(await tree(prefix)).toEqual(before);
    expect((await install(plane, ['--prefix', prefix], { TERRANE_CLUSTER_ID: CLUSTER })).code).toBe(0);
  });

  test('a host whose node was removed joins anew by a new join command, with nothing of what it was', async () => {
    await install(plane, ['--prefix', prefix, '--foreground']);
    for (const name of ['host.key', 'revoked']) await writeFile(join(prefix, 'data', name), 'old\n');
    // Without a token, nothing is thrown away.
    expect((await install(plane, ['--prefix', prefix], {})).code).toBe(0);
    const skip = { TERRANE_TOKEN: JOIN_TOKEN, TERRANE_SKIP_DOWNLOAD: '1' };
    const refused = await install(plane, ['--prefix', prefix], skip);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/run this without TERRANE_SKIP_DOWNLOAD/) });
    expect(await tree(join(prefix, 'data'))).toContain('host.key');
    const { code, stderr } = await install(plane, ['--prefix', prefix, '--foreground']);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/was node test-node, which was removed/) });
    expect(await tree(join(prefix, 'data'))).toEqual(['identity.json', 'join-token']);
  });

  test('a new version takes over and one version back stays', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      await plane.publish(version);
      expect((await install(plane, ['--prefix', prefix])).code).toBe(0);
    }
    expect(await readlink(join(prefix, 'current'))).toContain('/versions/1.2.0-');
    const kept = (await readdir(join(prefix, 'versions'))).map((name) => name.replace(/-.*/, ''));
    expect(kept.sort()).toEqual(['1.1.0', '1.2.0']);
  });

  test('uninstall.sh --purge leaves nothing; without it only the data', async () => {
    await install(plane, ['--prefix', prefix, '--foreground']);
    const plain = await run(join(prefix, 'uninstall.sh'), []);
    expect(plain.code).toBe(0);
    expect(await tree(prefix)).toEqual(['data', 'data/identity.json', 'data/join-token']);

    await install(plane, ['--prefix', prefix]);
    const purge = await run('sh', [join(plane.directory, 'install.sh'), '--prefix', prefix, '--uninstall']);
    expect(purge.code).toBe(0);
    await install(plane, ['--prefix', prefix]);
    expect((await run(join(prefix, 'uninstall.sh'), ['--purge'])).code).toBe(0);
    expect(existsSync(prefix)).toBe(false);
  });

  test('uninstall.sh stops an agent that runs in the foreground', async () => {
    expect((await install(plane, ['--prefix', prefix])).code).toBe(0);
    const script = join(plane.directory, 'install.sh');
    const agent = await start('sh', [script, '--prefix', prefix, '--name', 'stay', '--foreground'], {
      TERRANE_TOKEN: JOIN_TOKEN,
    });
    expect((await run(join(prefix, 'uninstall.sh'), ['--purge'])).code).toBe(0);
    await agent.ended;
    expect(existsSync(prefix)).toBe(false);
  });

  // Its own Docker network says which devices and rules are an agent's; one that was killed before it made that has none.
  (canIsolate ? test : test.skip)(
    "uninstall.sh --purge takes away what an agent left of the network, unless it is another's",
    async () => {
      const netns = `ti${process.pid.toString(36)}`;
      makeNamespace(netns);
      try {
        const bin = join(plane.directory, 'bin');
        const others = join(plane.directory, 'others');
        await mkdir(bin);
        // An engine without containers: asked for all agents' networks, it knows those in that file.
        const engine = `case "$*" in *owner) cat ${others} ;; *owner=*) ;; *) ;; esac`;
        await writeFile(join(bin, 'docker'), `#!/bin/sh\n${engine}\n`, { mode: 0o755 });
        const purged = async () => {
          const installed = await install(plane, ['--prefix', prefix, '--foreground']);
          expect({ installed }).toMatchObject({ installed: { code: 0 } });
          const command = ['--net=/run/netns/' + netns, join(prefix, 'uninstall.sh'), '--purge'];
          expect(await run('nsenter', command, { PATH: `${bin}:${process.env.PATH}` })).toMatchObject({ code: 0 });
          return [inside(netns, 'ip', '-br', 'link'), inside(netns, 'ip', 'route'), inside(netns, 'nft', 'list', 'tables')].join(
            '',
          );
        };
        ip('-n', netns, 'link', 'add', 'terrane-vx', 'type', 'vxlan', 'id', '1', 'dstport', '8472');
        ip('-n', netns, 'route', 'add', 'unreachable', '10.244.0.0/16', 'proto', '84');
        inside(netns, 'nft', 'add', 'table', 'ip', 'terrane_network');
        const all = /terrane-vx[^]*10\.244\.0\.0\/16[^]*terrane_network/;

        await writeFile(others, 'b6fd9e\n');
        expect(await purged()).toMatch(all);
        await writeFile(others, '');
        const lock = "require('node:net').createServer().listen('\\0terrane-pod-network', () => console.log('held'))";
        const holder = await start('nsenter', [`--net=/run/netns/${netns}`, process.execPath, '-e', lock], {});
        expect(await purged()).toMatch(all);
        holder.stop();
        await holder.ended;
        expect(await purged()).not.toMatch(/terrane|10\.244/);
      } finally {
        await removeNamespaces([netns]);
      }
    },
  );

  test('without a network: the archives from a directory', async () => {
    await saveSignature();
    const env = { TERRANE_TOKEN: JOIN_TOKEN, TERRANE_ARTIFACTS: plane.artifacts, TERRANE_SERVER: 'https://192.0.2.1' };
    const { code, stdout } = await install(plane, ['--prefix', prefix], env);
    expect(code).toBe(0);
    expect(stdout).toContain('--server https://192.0.2.1 ');
  });
});

describe('refused, with nothing half done', () => {
  const refused = async (message: RegExp, env?: Record<string, string>, args: string[] = []) => {
    const { code, stderr } = await install(plane, ['--prefix', prefix, ...args], env);
    expect(stderr).toMatch(message);
    expect(code).not.toBe(0);
    expect(await tree(prefix)).toEqual([]);
  };

  test('an archive with another checksum', async () => {
    const bytes = await readFile(plane.archive());
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(plane.archive(), bytes);
    await refused(/checksum is not the manifest's/);
  });

  test('a truncated archive', async () => {
    await truncate(plane.archive(), 100);
    await refused(/checksum is not the manifest's/);
  });

  test('a manifest that the script was not made for', async () => {
    const env = { TERRANE_TOKEN: JOIN_TOKEN, TERRANE_ARTIFACTS: plane.artifacts };
    await saveSignature();
    const manifest = join(plane.artifacts, 'manifest.json');
    const script = join(plane.directory, 'install.sh');
    await writeFile(script, await (await fetch(`${plane.url}/install.sh`)).text());
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"runtime"', '"Runtime"'));
    const { code, stderr } = await run('sh', [script, '--prefix', prefix], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/manifest\.json is not the one this script was made for/);
    expect(await tree(prefix)).toEqual([]);
  });

  test('a manifest signed by another key (checked by openssl)', async () => {
    plane.signWith(generateKeyPairSync('ed25519').privateKey);
    await refused(/signature of manifest\.json is wrong/);
  });

  test('a manifest signed by another key, on a host without openssl (checked by the runtime)', async () => {
    plane.signWith(generateKeyPairSync('ed25519').privateKey);
    await refused(/signature of manifest\.json is wrong/, { TERRANE_TOKEN: JOIN_TOKEN, PATH: await pathWithout('openssl') });
  });

  test('a script from a control plane that the join command does not name', async () => {
    await refused(/another key than your join command names/, { TERRANE_TOKEN: JOIN_TOKEN, TERRANE_KEY: 'sha256:00' });
  });

  test('a runtime that does not start here', async () => {
    await plane.publish('1.0.1', { runtime: '#!/no/such/loader\n' });
    await refused(/runtime does not start here: it needs glibc/);
  });

  test('an architecture that there is no agent for', async () => {
    const bin = join(plane.directory, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'uname'), '#!/bin/sh\n[ "$1" = -m ] && echo riscv64 || echo Linux\n');
    await chmod(join(bin, 'uname'), 0o755);
    await refused(/no agent for riscv64; x86_64 and aarch64 are supported/, {
      TERRANE_TOKEN: JOIN_TOKEN,
      PATH: `${bin}:${process.env.PATH}`,
    });
  });

  test('an architecture that this control plane was not built for', async () => {
    await plane.publish('1.0.0', { arch: 'riscv64' });
    await refused(/control plane has no agent for linux-/);
  });

  test('no token, or one of another kind', async () => {
    await refused(/no join token: make one with 'terrane token create --kind join'/, {});
    await refused(/this is not a join token/, { TERRANE_TOKEN: 'trn_abc' });
  });

  test('a control plane that does not answer', async () => {
    await refused(/could not fetch http:\/\/127\.0\.0\.1:1\/artifacts\/manifest\.json/, {
      TERRANE_TOKEN: JOIN_TOKEN,
      TERRANE_SERVER: 'http://127.0.0.1:1',
    });
  });

  test('an unknown option, a missing value, or a path that would need quoting', async () => {
    await refused(/unknown option --frobnicate/, undefined, ['--frobnicate']);
    await refused(/--name needs a value/, undefined, ['--name']);
    await refused(/only letters, digits/, undefined, ['--data', "/tmp/it's"]);
  });

  test('a download of the script that was cut: not one line of it is run', async () => {
    const whole = await (await fetch(`${plane.url}/install.sh`)).text();
    const script = join(plane.directory, 'cut.sh');
    await writeFile(script, whole.slice(0, whole.lastIndexOf('main "$@"')));
    expect(await run('sh', [script, '--prefix', prefix], { TERRANE_TOKEN: JOIN_TOKEN })).toMatchObject({ code: 0, stderr: '' });
    expect(await tree(prefix)).toEqual([]);
  });

  test('--dry-run says what would be done and does none of it', async () => {
    const { code, stderr } = await install(plane, ['--prefix', prefix, '--dry-run'], {});
    expect(code).toBe(0);
    expect(stderr).toContain(`would install it in ${prefix}`);
    expect(await tree(prefix)).toEqual([]);
  });
});

test('the scripts are clean under shellcheck', async () => {
  const scripts = ['install.sh', 'uninstall.sh', 'upgrade-guard.sh', 'fence-guard.sh', 'terrane-agent'].map((name) =>
    join(import.meta.dirname, '../../../agent/install', name),
  );
  expect(await run('shellcheck', scripts)).toMatchObject({ code: 0, stdout: '' });
});

test('works in busybox sh with busybox tools', async () => {
  const tools = join(plane.directory, 'busybox');
  await mkdir(tools);
  const applets = (await run('busybox', ['--list'])).stdout.split('\n').filter(Boolean);
  await Promise.all(applets.map((applet) => symlink('/bin/busybox', join(tools, applet))));
  const script = join(plane.directory, 'install.sh');
  await writeFile(script, await (await fetch(`${plane.url}/install.sh`)).text());
  const args = ['sh', script, '--prefix', prefix, '--foreground'];
  const { code, stdout, stderr } = await run('/bin/busybox', args, { TERRANE_TOKEN: JOIN_TOKEN, PATH: tools });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(JSON.parse(stdout)).toMatchObject({ token: JOIN_TOKEN });
});

/** As somebody does who carries the archives to a host without a network. */
async function saveSignature(): Promise<void> {
  const signature = await (await fetch(`${plane.url}/artifacts/manifest.json.sig`)).arrayBuffer();
  await writeFile(join(plane.artifacts, 'manifest.json.sig'), Buffer.from(signature));
}

/** A PATH of links to everything on this one, but for one program. */
async function pathWithout(program: string): Promise<string> {
  const directory = join(plane.directory, 'path');
  await mkdir(directory);
  for (const from of ['/bin', '/usr/bin', '/usr/local/bin']) {
    for (const name of await readdir(from)) {
      if (name !== program && !existsSync(join(directory, name)))
        await symlink(join(from, name), join(directory, name)).catch(() => {});
    }
  }
  return directory;
}
