import { parseUnitFile } from '../../../core/fleet/unit-file.ts';
import { eventually } from '../../support/eventually.ts';
import type { HostsInstallation } from './hosts.ts';

/** fleet's HTTP API of an installation's cluster, with the words of its functional tests. */
export interface Fleet {
  /** Makes it and wants it in that state. Any of fleet's answers that isn't a success throws. */
  put(name: string, state: DesiredState, text?: string): Promise<void>;
  destroy(...names: string[]): Promise<void>;
  units(): Promise<readonly FleetUnit[]>;
  states(): Promise<readonly FleetState[]>;
  /** Machine ids by host name. */
  machines(): Promise<ReadonlyMap<string, string>>;
  /** Waits until each runs, and gives the names of the hosts where, in the same order. */
  active(...names: string[]): Promise<string[]>;
  /** Waits until as many states as given are active, of units whose name matches. */
  activeStates(pattern: RegExp, count: number): Promise<readonly FleetState[]>;
  request(method: string, path: string, body?: unknown): Promise<Response>;
  /** With the token in it, as fleetctl takes it. */
  readonly endpoint: string;
}

export type DesiredState = 'inactive' | 'loaded' | 'launched';

export interface FleetUnit {
  readonly name: string;
  readonly options: readonly { readonly section: string; readonly name: string; readonly value: string }[];
  readonly desiredState: string;
  readonly currentState?: string;
  readonly machineID?: string;
}

export interface FleetState {
  readonly name: string;
  readonly machineID: string;
  readonly systemdLoadState: string;
  readonly systemdActiveState: string;
  readonly systemdSubState: string;
}

export async function fleetOf(all: HostsInstallation): Promise<Fleet> {
  const { token } = await all.terraneJson<{ token: string }>(['token', 'create', '--kind', 'api']);
  const { clusters } = await all.terraneJson<{ clusters: { id: string }[] }>(['cluster', 'list']);
  const endpoint = `${all.http}/clusters/${clusters[0]!.id}`;
  const base = `${endpoint}/fleet/v1/`;
  const request: Fleet['request'] = (method, path, body) =>
    fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const must = async (method: string, path: string, body?: unknown) => {
    const response = await request(method, path, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const read = async <T>(path: string) => (await (await must('GET', path)).json()) as T;
  /** Names of all that were ever seen, by id: a machine that is cut off is listed no more, and what ran there still names it. */
  const known = new Map<string, string>();
  const fleet: Fleet = {
    request,
    endpoint: endpoint.replace('://', `://any:${token}@`),
    async put(name, desiredState, text) {
      const options = text === undefined ? undefined : parseUnitFile(text);
      await must('PUT', `units/${encodeURIComponent(name)}`, { name, desiredState, ...(options ? { options } : {}) });
    },
    async destroy(...names) {
      for (const name of names) await must('DELETE', `units/${encodeURIComponent(name)}`);
      await eventually(`${names.join(', ')} are gone`, async () => {
        const left = (await fleet.units()).filter(({ name }) => names.includes(name));
        if (left.length > 0) throw new Error(JSON.stringify(left));
      });
    },
    units: async () => (await read<{ units?: FleetUnit[] }>('units')).units ?? [],
    states: async () => (await read<{ states?: FleetState[] }>('state')).states ?? [],
    async machines() {
      const { machines = [] } = await read<{ machines?: { id: string; primaryIP: string }[] }>('machines');
      const named = machines.flatMap(({ id, primaryIP }) => {
        const host = [...all.hosts.values()].find(({ address }) => address === primaryIP);
        return host ? [[host.name, id] as const] : [];
      });
      for (const [name, id] of named) known.set(id, name);
      return new Map(named);
    },
    async active(...names) {
      const found = await eventually(
        `${names.join(', ')} are active`,
        async () => {
          const states = await fleet.states();
          const own = names.map((name) => states.find((one) => one.name === name));
          if (own.some((one) => one?.systemdActiveState !== 'active')) throw new Error(JSON.stringify(states));
          return own.map((one) => one!.machineID);
        },
        { timeoutMs: 60_000 },
      );
      if (!found.every((id) => known.has(id))) await fleet.machines();
      return found.map((id) => known.get(id) ?? id);
    },
    activeStates: (pattern, count) =>
      eventually(
        `${count} of ${String(pattern)} are active`,
        async () => {
          const states = (await fleet.states()).filter(({ name }) => pattern.test(name));
          const active = states.filter(({ systemdActiveState }) => systemdActiveState === 'active');
          if (active.length !== count) throw new Error(JSON.stringify(states));
          return active;
        },
        { timeoutMs: 60_000 },
      ),
  };
  await fleet.machines();
  return fleet;
}
