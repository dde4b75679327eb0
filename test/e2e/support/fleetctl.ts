import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseUnitFile, type UnitOption } from '../../../core/fleet/unit-file.ts';
import { Fleetctl, type Flags } from '../../../functions/api/fleet/testing/fleetctl.ts';
import type { Fleet } from './fleet.ts';

/** fleetctl's commands, in a folder with unit files. Each throws what fleetctl says when it fails. */
export interface FleetctlCommands {
  /** Puts a file into the folder. */
  file(name: string, text: string): Promise<void>;
  submit(names: readonly string[], flags?: Flags): Promise<void>;
  load(names: readonly string[], flags?: Flags): Promise<void>;
  start(names: readonly string[], flags?: Flags): Promise<void>;
  stop(names: readonly string[], flags?: Flags): Promise<void>;
  unload(names: readonly string[], flags?: Flags): Promise<void>;
  restart(names: readonly string[], flags?: Flags): Promise<void>;
  destroy(names: readonly string[]): Promise<void>;
  cat(name: string): Promise<readonly UnitOption[]>;
  /** `name state`, in the order in which it lists them. */
  listUnitFiles(): Promise<string[]>;
  close(): Promise<void>;
}

/** What fleetctl asks of the API, in its order and with its waiting. */
export function likeFleetctl(fleet: Fleet): FleetctlCommands {
  const fleetctl = new Fleetctl({
    request: (method, path, body) => fleet.request(method, path.slice(1), body),
    wait: (ms) => delay(ms),
  });
  return {
    file: async (name, text) => void fleetctl.files.set(name, text),
    submit: (...args) => fleetctl.submit(...args),
    load: (...args) => fleetctl.load(...args),
    start: (...args) => fleetctl.start(...args),
    stop: (...args) => fleetctl.stop(...args),
    unload: (...args) => fleetctl.unload(...args),
    restart: (...args) => fleetctl.restart(...args),
    destroy: (names) => fleetctl.destroy(names),
    cat: async (name) => (await fleetctl.cat(name)) ?? [],
    listUnitFiles: async () => (await fleetctl.listUnitFiles()).map(({ name, currentState = '-' }) => `${name} ${currentState}`),
    close: async () => {},
  };
}

/** The program itself: fleetctl 1.0, built from coreos/fleet. */
export async function realFleetctl(program: string, endpoint: string): Promise<FleetctlCommands> {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-fleetctl-'));
  const run = async (command: string, names: readonly string[], { replace, noBlock }: Flags = {}) => {
    const flags = [...(replace ? ['--replace'] : []), ...(noBlock ? ['--no-block'] : [])];
    // Some of its waits have no end.
    const options = { cwd: directory, timeout: 60_000 };
    return (await promisify(execFile)(program, ['--endpoint', endpoint, command, ...flags, ...names], options)).stdout;
  };
  const verb = (command: string) => async (names: readonly string[], flags?: Flags) => void (await run(command, names, flags));
  return {
    file: (name, text) => writeFile(join(directory, name), text),
    submit: verb('submit'),
    load: verb('load'),
    start: verb('start'),
    stop: verb('stop'),
    unload: verb('unload'),
    restart: verb('restart'),
    destroy: verb('destroy'),
    cat: async (name) => parseUnitFile(await run('cat', [name])),
    async listUnitFiles() {
      const list = await run('list-unit-files', ['--no-legend', '--fields=unit,state']);
      return list
        .trim()
        .split('\n')
        .map((each) => each.trim().replace(/\s+/, ' '));
    },
    close: () => rm(directory, { recursive: true }),
  };
}
