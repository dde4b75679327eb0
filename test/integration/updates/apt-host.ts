import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDirectory } from '../../../bin/machine/remove-directory.ts';
import { type AgentOf, agentArgs, updateJournal } from './host-directory.ts';

/**
 * A Debian host below a folder: apt and dpkg are the machine's own, and told by APT_CONFIG to look and write nowhere else. The agent is
 * as hosts run it. `systemctl` does nothing.
 */
export interface AptHost {
  readonly directory: string;
  /** Installed versions, by package. */
  installed(): Record<string, string>;
  /** As a person does it. */
  dpkg(...args: string[]): void;
  aptMark(...args: string[]): void;
  start(): void;
  /** SIGKILL to the agent. */
  kill(): Promise<void>;
  /** The next time that dpkg has unpacked something, the agent, apt and dpkg are killed. */
  cutAfterUnpack(): void;
  readonly isCut: boolean;
  readonly healthCommand: string;
  setHealthy(healthy: boolean): void;
  journal(): { phase: string } | undefined;
  log(): string;
  remove(): Promise<void>;
}

export function aptHost(options: AgentOf): AptHost {
  const directory = mkdtempSync(join(tmpdir(), 'trn-apt-'));
  const path = (...names: string[]) => join(directory, ...names);
  const root = path('root');
  for (const name of [
    'bin',
    'data',
    'root/var/lib/dpkg/info',
    'root/var/lib/dpkg/updates',
    'root/var/lib/apt/lists',
    'root/var/cache/apt/archives',
    'root/var/log/apt',
    'root/etc/apt',
    'root/usr/share',
  ])
    mkdirSync(path(name), { recursive: true });
  writeFileSync(join(root, 'var/lib/dpkg/status'), '');
  writeFileSync(join(root, 'etc/apt/sources.list'), 'deb http://127.0.0.1:1/its-own ./\n');
  writeFileSync(
    path('apt.conf'),
    `Dir "${root}";
Dir::State::status "${root}/var/lib/dpkg/status";
Dir::Bin::dpkg "${path('bin/dpkg')}";
Dpkg::Options { "--root=${root}"; };
Acquire::Languages "none";
APT::Sandbox::User "root";
`,
  );
  const script = (name: string, text: string) => {
    writeFileSync(path('bin', name), `#!/bin/sh\nW=${directory}\n${text}`);
    chmodSync(path('bin', name), 0o755);
  };
  script(
    'dpkg',
    `/usr/bin/dpkg "$@"
code=$?
case " $* " in *" --unpack "*)
  if [ -e $W/cut ]; then
    rm $W/cut
    kill -9 $(cat $W/agent.pid)
    : >$W/is-cut
    kill -9 $PPID $$
  fi ;;
esac
exit $code
`,
  );
  script('systemctl', 'exit 0\n');
  script('healthy', '[ ! -e $W/ill ] || { echo "the app does not answer"; exit 3; }\n');
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    TERRANE_TOKEN: 'trn_join_test',
    PATH: `${path('bin')}:${process.env.PATH}`,
    APT_CONFIG: path('apt.conf'),
  };
  const run = (command: string, args: string[]) => execFileSync(command, args, { env, stdio: 'pipe' }).toString();

  let agent: ChildProcess | undefined;
  let log = '';
  const host: AptHost = {
    directory,
    installed() {
      const lines = run('dpkg-query', [`--admindir=${root}/var/lib/dpkg`, '-W', '-f', '${Package} ${Version} ${Status}\n'])
        .trim()
        .split('\n');
      return Object.fromEntries(
        lines.filter((line) => line.endsWith(' installed')).map((line) => line.split(' ').slice(0, 2) as [string, string]),
      );
    },
    dpkg: (...args) => void run('/usr/bin/dpkg', [`--root=${root}`, ...args]),
    aptMark: (...args) => void run('apt-mark', args),
    start() {
      rmSync(path('is-cut'), { force: true });
      agent = spawn(process.execPath, agentArgs(directory, options), { env, stdio: ['ignore', 'ignore', 'pipe'] });
      agent.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (process.env.AGENT_LOG) process.stderr.write(text);
      });
      writeFileSync(path('agent.pid'), String(agent.pid));
    },
    async kill() {
      if (!agent || agent.exitCode !== null || agent.signalCode !== null) return;
      const ended = new Promise((resolve) => agent!.once('exit', resolve));
      agent.kill('SIGKILL');
      await ended;
    },
    cutAfterUnpack: () => writeFileSync(path('cut'), ''),
    get isCut() {
      return existsSync(path('is-cut'));
    },
    healthCommand: path('bin/healthy'),
    setHealthy(healthy) {
      if (healthy) rmSync(path('ill'), { force: true });
      else writeFileSync(path('ill'), '');
    },
    journal: () => updateJournal(directory),
    log: () => log,
    async remove() {
      await host.kill();
      removeDirectory(directory);
    },
  };
  return host;
}
