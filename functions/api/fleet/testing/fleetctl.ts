import type { FleetMachine, FleetUnit, FleetUnitState } from '../../../../core/fleet/api/shapes.ts';
import { parseUnitFile, type UnitOption } from '../../../../core/fleet/unit-file.ts';
import { unitHash } from '../../../../core/fleet/unit-hash.ts';
import { parseUnitName } from '../../../../core/fleet/unit-name.ts';

/**
 * What fleetctl 1.0 asks of fleet's API, command by command, in its order, with its waiting: polls every 250 ms, in rounds of 2 s. After its
 * source (coreos/fleet, fleetctl/*.go); where that waits without end this gives up and says so.
 */
export interface FleetctlDeps {
  request(method: string, path: string, body?: unknown): Promise<Response>;
  wait(ms: number): Promise<void>;
}

export interface Flags {
  readonly replace?: boolean;
  readonly noBlock?: boolean;
}

const POLL_MS = 250;
const ROUND_MS = 2_000;
/** fleetctl would go on. */
const GIVE_UP_MS = 60_000;

export class Fleetctl {
  readonly #deps: FleetctlDeps;
  /** Files in the folder that it is called in. */
  readonly files = new Map<string, string>();

  constructor(deps: FleetctlDeps) {
    this.#deps = deps;
  }

  listMachines(): Promise<FleetMachine[]> {
    return this.#all<FleetMachine>('/machines', 'machines');
  }

  listUnitFiles(): Promise<FleetUnit[]> {
    return this.#all<FleetUnit>('/units', 'units');
  }

  listUnits(): Promise<FleetUnitState[]> {
    return this.#all<FleetUnitState>('/state', 'states');
  }

  async cat(name: string): Promise<readonly UnitOption[] | undefined> {
    return (await this.#unit(name))?.options;
  }

  submit(names: readonly string[], flags: Flags = {}): Promise<void> {
    return this.#create('submit', names, flags);
  }

  async load(names: readonly string[], flags: Flags = {}): Promise<void> {
    await this.#create('load', names, flags);
    const loading = await this.#target(names, 'loaded');
    await this.#waitForStates(ordinary(loading), 'loaded', flags);
  }

  async start(names: readonly string[], flags: Flags = {}): Promise<void> {
    await this.#create('start', names, flags);
    const starting = ordinary(await this.#target(names, 'launched'));
    await this.#waitForStates(starting, 'launched', flags);
    if (flags.noBlock) return;
    for (const name of starting) await this.#waitForActive(name);
  }

  async stop(names: readonly string[], flags: Flags = {}): Promise<void> {
    const stopping: FleetUnit[] = [];
    for (const unit of await this.#find(names)) {
      if (!isGlobal(unit)) {
        if (unit.currentState === 'inactive') throw new Error(`Unable to stop unit ${unit.name} in state inactive`);
        if (unit.currentState === 'loaded') continue;
      }
      await this.#set(unit.name, 'loaded');
      stopping.push(unit);
    }
    await this.#waitForStates(ordinary(stopping), 'loaded', flags);
  }

  async unload(names: readonly string[], flags: Flags = {}): Promise<void> {
    const waiting: FleetUnit[] = [];
    for (const unit of await this.#find(names)) {
      if (!isGlobal(unit) && unit.currentState === 'inactive') continue;
      await this.#set(unit.name, 'inactive');
      waiting.push(unit);
    }
    await this.#waitForStates(ordinary(waiting), 'inactive', flags);
  }

  async restart(names: readonly string[], flags: Flags = {}): Promise<void> {
    for (const unit of ordinaryUnits(await this.#find(names))) {
      if (unit.currentState === 'inactive') throw new Error(`Unable to restart unit ${unit.name} in state inactive`);
      if (unit.currentState !== 'loaded') {
        await this.#set(unit.name, 'loaded');
        // Not for loaded: that is how fleetctl does it.
        await this.#waitForStates([unit.name], 'launched', flags);
      }
      await this.#set(unit.name, 'launched');
      await this.#waitForStates([unit.name], 'launched', flags);
    }
  }

  /** It doesn't wait until the unit is gone. */
  async destroy(names: readonly string[]): Promise<void> {
    for (const { name } of await this.#find(names)) await this.#ok('DELETE', `/units/${encode(name)}`, undefined, [204, 404]);
  }

  async #create(command: 'submit' | 'load' | 'start', names: readonly string[], flags: Flags): Promise<void> {
    const created: string[] = [];
    for (const name of names) {
      const existing = await this.#unit(name);
      if (existing && !this.#mayReplace(command, existing, flags)) continue;
      const options = await this.#optionsFor(name);
      await this.#ok('PUT', `/units/${encode(name)}`, { name, options }, [201, 204]);
      created.push(name);
    }
    for (const name of created) await this.#waitForState(name, 'inactive');
  }

  #mayReplace(command: 'submit' | 'load' | 'start', unit: FleetUnit, { replace }: Flags): boolean {
    const text = this.files.get(unit.name) ?? this.files.get(parseUnitName(unit.name).template ?? '');
    if (!replace || text === undefined || unitHash(parseUnitFile(text)) === unitHash(unit.options ?? [])) return false;
    const allowed = { submit: ['inactive'], load: ['inactive', 'loaded'], start: ['inactive', 'loaded', 'launched'] };
    return allowed[command].includes(unit.desiredState ?? '');
  }

  async #optionsFor(name: string): Promise<readonly UnitOption[]> {
    const text = this.files.get(name);
    if (text !== undefined) return parseUnitFile(text);
    const { template } = parseUnitName(name);
    if (template === undefined) throw new Error(`unable to find Unit(${name}) in Registry or on filesystem`);
    const unit = await this.#unit(template);
    const local = this.files.get(template);
    if (unit) return unit.options ?? [];
    if (local === undefined) throw new Error(`unable to find template Unit(${template}) in Registry or on filesystem`);
    return parseUnitFile(local);
  }

  async #target(names: readonly string[], state: string): Promise<FleetUnit[]> {
    const triggered: FleetUnit[] = [];
    for (const name of names) {
      const unit = await this.#unit(name);
      if (!unit) throw new Error(`unable to find unit ${name}`);
      if (unit.desiredState === state) continue;
      await this.#set(name, state);
      triggered.push(unit);
    }
    return triggered;
  }

  #set(name: string, desiredState: string): Promise<Response> {
    return this.#ok('PUT', `/units/${encode(name)}`, { name, desiredState }, [204]);
  }

  async #waitForStates(names: readonly string[], state: string, { noBlock }: Flags): Promise<void> {
    if (noBlock) return;
    for (const name of names) await this.#waitForState(name, state);
  }

  async #waitForState(name: string, state: string): Promise<void> {
    let last: string | undefined;
    for (let waited = 0; waited < GIVE_UP_MS; waited += POLL_MS) {
      await this.#deps.wait(POLL_MS);
      const unit = await this.#unit(name);
      last = unit && (isGlobal(unit) ? unit.desiredState : unit.currentState);
      if (last !== state) continue;
      await this.listMachines();
      return;
    }
    throw new Error(`fleetctl waits for ever for ${name} to be ${state}: it is ${last}`);
  }

  async #waitForActive(name: string): Promise<void> {
    for (let waited = 0; waited < ROUND_MS; waited += POLL_MS) {
      await this.#deps.wait(POLL_MS);
      const response = await this.#deps.request('GET', `/state/${encode(name)}?alt=json`);
      if (response.status === 404) throw new Error('fleetctl panics: it uses the state that it was told is not there');
      const state = (await response.json()) as FleetUnitState;
      if (state.systemdActiveState === 'active' && state.systemdLoadState === 'loaded') return;
    }
    throw new Error(`Failed to find an active unit ${name} within 2s`);
  }

  async #find(names: readonly string[]): Promise<FleetUnit[]> {
    const units = new Map((await this.listUnitFiles()).map((unit) => [unit.name, unit]));
    return names.flatMap((name) => units.get(name) ?? []);
  }

  async #unit(name: string): Promise<FleetUnit | undefined> {
    const response = await this.#ok('GET', `/units/${encode(name)}`, undefined, [200, 404]);
    return response.status === 404 ? undefined : ((await response.json()) as FleetUnit);
  }

  async #all<T>(path: string, field: string): Promise<T[]> {
    const all: T[] = [];
    let token: string | undefined;
    do {
      const query = token === undefined ? '' : `&nextPageToken=${encodeURIComponent(token)}`;
      const response = await this.#deps.request('GET', `${path}?alt=json${query}`);
      const page = (await response.json()) as Record<string, unknown>;
      all.push(...((page[field] as T[] | undefined) ?? []));
      token = page['nextPageToken'] as string | undefined;
    } while (token);
    return all;
  }

  /** Any other status ends the command, as fleetctl does. */
  async #ok(method: string, path: string, body: unknown, expected: readonly number[]): Promise<Response> {
    const response = await this.#deps.request(method, `${path}?alt=json`, body);
    if (expected.includes(response.status)) return response;
    const { error } = (await response.json()) as { error: { code: number; message: string } };
    throw new Error(`googleapi: Error ${error.code}: ${error.message}`);
  }
}

/** As Go's client writes it. */
const encode = (name: string) => encodeURIComponent(name);

function isGlobal({ options = [] }: FleetUnit): boolean {
  return options.some(
    ({ section, name, value }) => section === 'X-Fleet' && name === 'Global' && /^(true|yes|1|on|t)$/i.test(value),
  );
}

const ordinaryUnits = (units: readonly FleetUnit[]) => units.filter((unit) => !isGlobal(unit));
const ordinary = (units: readonly FleetUnit[]) => ordinaryUnits(units).map(({ name }) => name);
