import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeDirectory } from '../../../bin/machine/remove-directory.ts';
import { eventually } from '../../support/eventually.ts';
import { type AgentOf, agentArgs, updateJournal } from './host-directory.ts';
import { type Bundles, COMPATIBLE } from './rauc-bundles.ts';

/**
 * A host with two slots (files), RAUC's real service on a bus of its own, a boot loader that keeps its state in files and counts
 * attempts, and the agent as hosts run it. `systemctl reboot` is noted, and done by `powerCycle`; each boot has a boot id of its own.
 */
export interface RaucHost {
  readonly directory: string;
  /** What the boot loader would start now: tries are counted, as it does. */
  boot(): Promise<Slot>;
  /** All that runs is gone at once. */
  powerOff(): Promise<void>;
  /** Has the running system asked for a reboot? */
  readonly rebootAsked: boolean;
  readonly running: boolean;
  /** Cuts the power around the next call of this program and verb. */
  cutAt(program: 'rauc' | 'systemctl' | 'healthy', verb: string, when: 'before' | 'after' | 'during'): void;
  /** SHA-256 of what a slot holds. */
  slotSha256(slot: Slot): string;
  primary(): string;
  /** What the health check of this system says from now on. */
  setHealthy(slot: Slot, healthy: boolean): void;
  readonly healthCommand: string;
  journal(): { phase: string } | undefined;
  log(): string;
  remove(): Promise<void>;
}

export type Slot = 'A' | 'B';
const SLOT_NAMES = { A: 'rootfs.0', B: 'rootfs.1' } as const;
const REAL_RAUC = '/usr/bin/rauc';

export interface RaucHostOptions extends AgentOf {
  readonly bundles: Bundles;
  readonly size: number;
  /** A host to be like: its slots and its boot loader's state. */
  readonly like?: RaucHost;
}

export function raucHost({ bundles, size, like, ...agent }: RaucHostOptions): RaucHost {
  // The path of a unix socket has at most 107 characters.
  const directory = mkdtempSync('/tmp/trn-rauc-');
  const path = (...names: string[]) => join(directory, ...names);
  for (const name of ['bin', 'boot', 'slots', 'run', 'mnt', 'data']) mkdirSync(path(name));
  const busAddress = `unix:path=${path('run/bus')}`;
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    TERRANE_TOKEN: 'trn_join_test',
    PATH: `${path('bin')}:${process.env.PATH}`,
    DBUS_SESSION_BUS_ADDRESS: busAddress,
    DBUS_STARTER_BUS_TYPE: 'session',
  };
  const script = (name: string, text: string) => {
    writeFileSync(path(name), text);
    chmodSync(path(name), 0o755);
  };

  writeFileSync(
    path('system.conf'),
    `[system]
compatible=${COMPATIBLE}
bootloader=custom
mountprefix=${path('mnt')}
statusfile=${path('run/rauc.status')}
bundle-formats=plain
activate-installed=false
[handlers]
bootloader-custom-backend=${path('boot/backend.sh')}
[keyring]
path=${bundles.keyring}
[slot.${SLOT_NAMES.A}]
device=${path('slots/A')}
type=raw
bootname=A
[slot.${SLOT_NAMES.B}]
device=${path('slots/B')}
type=raw
bootname=B
`,
  );
  script(
    'boot/backend.sh',
    `#!/bin/sh
cd ${path('boot')}
put() { printf '%s' "$2" >"$1.new" && mv "$1.new" "$1"; }
case $1 in
  get-primary) cat primary ;;
  set-primary) put "state-$2" good && put "tries-$2" 3 && put primary "$2" ;;
  get-state) cat "state-$2" ;;
  set-state) put "state-$2" "$3"; if [ "$3" = good ]; then put "tries-$2" 3; else put "tries-$2" 0; fi ;;
esac
`,
  );
  // A cut ends whoever runs on this host, this script last.
  const cutting = `
W=${directory}
cut() {
  [ "$(cat $W/cut 2>/dev/null)" = "$1" ] || return 0
  rm -f $W/cut
  kill -9 $(cat $W/pids) 2>/dev/null
  : >$W/is-cut
  kill -9 $$
}
`;
  script(
    'bin/rauc',
    `#!/bin/sh
${cutting}
verb=$1
case \${2-} in mark-*) verb=$2 ;; esac
cut "rauc $verb before"
if [ "$(cat $W/cut 2>/dev/null)" = "rauc $verb during" ]; then
  before=$(cksum <$W/slots/$(cat $W/other))
  ${REAL_RAUC} -c $W/system.conf "$@" &
  echo $! >>$W/pids
  while [ "$(cksum <$W/slots/$(cat $W/other))" = "$before" ]; do :; done
  cut "rauc $verb during"
fi
${REAL_RAUC} -c $W/system.conf "$@"
code=$?
cut "rauc $verb after"
exit $code
`,
  );
  script(
    'bin/systemctl',
    `#!/bin/sh
${cutting}
[ "$1" = reboot ] || exit 0
cut "systemctl reboot before"
: >$W/reboot
`,
  );
  script(
    'bin/healthy',
    `#!/bin/sh\n${cutting}\ncut "healthy check before"\n[ ! -e $W/ill-$(cat $W/booted) ] || { echo "the app does not answer"; exit 3; }\n`,
  );

  if (like) {
    for (const name of ['boot', 'slots'])
      cpSync(join(like.directory, name), path(name), { recursive: true, filter: (from) => !from.endsWith('.sh') });
    cpSync(join(like.directory, 'run/rauc.status'), path('run/rauc.status'));
  } else {
    for (const slot of ['A', 'B'] as const) {
      writeFileSync(path('slots', slot), Buffer.alloc(size));
      writeFileSync(path('boot', `state-${slot}`), 'good');
      writeFileSync(path('boot', `tries-${slot}`), '3');
    }
    writeFileSync(path('boot/primary'), 'A');
  }

  let processes: ChildProcess[] = [];
  let log = '';
  const read = (...names: string[]) => readFileSync(path(...names), 'utf8');
  const start = (command: string, args: readonly string[]) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (process.env.AGENT_LOG) process.stderr.write(text);
    });
    processes.push(child);
    writeFileSync(path('pids'), `${child.pid}\n`, { flag: 'a' });
    return child;
  };

  function choose(): Slot {
    const primary = read('boot/primary') as Slot;
    const other = primary === 'A' ? 'B' : 'A';
    const canBoot = (slot: Slot) => read('boot', `state-${slot}`) === 'good' && Number(read('boot', `tries-${slot}`)) > 0;
    const slot = canBoot(primary) ? primary : other;
    writeFileSync(path('boot', `tries-${slot}`), String(Math.max(0, Number(read('boot', `tries-${slot}`)) - 1)));
    return slot;
  }

  async function startBus(slot: Slot): Promise<void> {
    start('dbus-daemon', ['--session', '--nofork', `--address=${busAddress}`]);
    await eventually(
      'there is a bus',
      () => {
        if (!existsSync(path('run/bus'))) throw new Error('none yet');
      },
      { everyMs: 10 },
    );
    start(REAL_RAUC, ['-c', path('system.conf'), `--override-boot-slot=${slot}`, 'service']);
    await eventually(
      'RAUC answers',
      () => {
        const { status, stderr } = spawnSync(REAL_RAUC, ['-c', path('system.conf'), 'status'], { env });
        if (status !== 0) throw new Error(String(stderr));
      },
      { everyMs: 20 },
    );
  }

  const host: RaucHost = {
    directory,
    async boot() {
      const slot = choose();
      for (const name of ['reboot', 'is-cut', 'pids']) rmSync(path(name), { force: true });
      writeFileSync(path('booted'), slot);
      writeFileSync(path('other'), slot === 'A' ? 'B' : 'A');
      writeFileSync(path('boot-id'), `${randomUUID()}\n`);
      await startBus(slot);
      const command = `mount --bind ${path('boot-id')} /proc/sys/kernel/random/boot_id && exec "$@"`;
      start('unshare', ['-m', 'sh', '-c', command, 'sh', process.execPath, ...agentArgs(directory, agent)]);
      return slot;
    },
    async powerOff() {
      const ended = processes
        .filter((child) => child.exitCode === null && child.signalCode === null)
        .map((child) => new Promise((resolve) => child.once('exit', resolve)));
      for (const child of processes) child.kill('SIGKILL');
      await Promise.all(ended);
      processes = [];
      rmSync(path('run/bus'), { force: true });
    },
    get rebootAsked() {
      return existsSync(path('reboot'));
    },
    get running() {
      return !existsSync(path('is-cut'));
    },
    cutAt: (program, verb, when) => writeFileSync(path('cut'), `${program} ${verb} ${when}`),
    slotSha256: (slot) =>
      createHash('sha256')
        .update(readFileSync(path('slots', slot)))
        .digest('hex'),
    primary: () => read('boot/primary'),
    setHealthy(slot, healthy) {
      if (healthy) rmSync(path(`ill-${slot}`), { force: true });
      else writeFileSync(path(`ill-${slot}`), '');
    },
    healthCommand: path('bin/healthy'),
    journal: () => updateJournal(directory),
    log: () => log,
    async remove() {
      await host.powerOff();
      removeDirectory(directory);
    },
  };
  return host;
}

/** Writes a first system to slot A, as the factory does it. */
export async function manufacture(host: RaucHost, bundlePath: string): Promise<void> {
  const env = {
    ...process.env,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(host.directory, 'run/bus')}`,
    DBUS_STARTER_BUS_TYPE: 'session',
  };
  const logFile = openSync(join(host.directory, 'factory.log'), 'w');
  const bus = spawn('dbus-daemon', ['--session', '--nofork', `--address=${env.DBUS_SESSION_BUS_ADDRESS}`], {
    stdio: ['ignore', logFile, logFile],
  });
  await eventually(
    'there is a bus',
    () => {
      if (!existsSync(join(host.directory, 'run/bus'))) throw new Error('none yet');
    },
    { everyMs: 10 },
  );
  const conf = join(host.directory, 'system.conf');
  const service = spawn(REAL_RAUC, ['-c', conf, '--override-boot-slot=B', 'service'], {
    env,
    stdio: ['ignore', logFile, logFile],
  });
  const rauc = (...args: string[]) => {
    const { status, stderr } = spawnSync(REAL_RAUC, ['-c', conf, ...args], { env });
    if (status !== 0) throw new Error(`rauc ${args.join(' ')}: ${String(stderr)}`);
  };
  try {
    await eventually('RAUC answers', () => rauc('status'), { everyMs: 20 });
    rauc('install', bundlePath);
    rauc('status', 'mark-active', SLOT_NAMES.A);
  } finally {
    for (const child of [service, bus]) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(join(host.directory, 'run/bus'), { force: true });
  }
}
