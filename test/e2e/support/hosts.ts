import { eventually } from '../../support/eventually.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';
import { startSystemdLab, type SystemdLab } from '../../support/systemd-host/lab.ts';
import type { Node } from '../../../core/resources/schema/node.ts';
import { type Installation, startInstallation } from './installation.ts';

/** A control plane on this machine, and hosts with systemd that joined it by the line which `terrane token create` prints. */
export interface HostsInstallation extends Installation {
  readonly lab: SystemdLab;
  readonly hosts: ReadonlyMap<string, SystemdHost>;
  host(name: string): SystemdHost;
  /** Boots one more and joins it. */
  join(name: string): Promise<SystemdHost>;
  /** The line that a person pastes on a host. */
  joinLine(): Promise<string>;
  /** Waits until exactly these are Ready. */
  ready(...names: string[]): Promise<void>;
  list<T>(...what: string[]): Promise<T[]>;
  /** Hosts that are silent for so long are given up. They stop what is fenced after 8 s, and kill it at half of what is left then, and 5 s before at the latest. */
  giveUpAfter(seconds: number): Promise<void>;
}

/** Hosts are given up soon, so that nobody waits long for what happens then. */
export const GIVEN_UP_SECONDS = 15;
const settings = (notReadySeconds: number) => `apiVersion: v1
kind: ConfigMap
metadata: { name: cluster-settings, namespace: terrane-system }
data: { renewSeconds: "3", fencedStopSeconds: "8", notReadySeconds: "${notReadySeconds}" }
`;

export async function startHosts(...names: string[]): Promise<HostsInstallation> {
  const lab = await startSystemdLab();
  const installation = await startInstallation({ serverArgs: ['--host', lab.gateway] }).catch(async (error: unknown) => {
    await lab.stop();
    throw error;
  });
  const hosts = new Map<string, SystemdHost>();
  const list = async <T>(...what: string[]) => (await installation.terraneJson<{ items: T[] }>(['get', ...what])).items;
  const joinLine = async () => {
    const { command } = await installation.terraneJson<{ command: string }>(['token', 'create', '--kind', 'join']);
    return command;
  };
  const all: HostsInstallation = {
    ...installation,
    lab,
    hosts,
    list,
    joinLine,
    host(name) {
      const host = hosts.get(name);
      if (!host) throw new Error(`there is no host ${name}`);
      return host;
    },
    async join(name) {
      const [host, line] = await Promise.all([lab.start(name), joinLine()]);
      hosts.set(name, host);
      await host.sh(line);
      return host;
    },
    async ready(...wanted) {
      await eventually(
        `the nodes that are ready are ${wanted.join(', ')}`,
        async () => {
          const nodes = await list<Node>('nodes');
          const found = nodes.filter(({ status }) =>
            status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
          );
          const names_ = found.map(({ metadata }) => metadata.name).toSorted();
          if (names_.join() !== wanted.toSorted().join()) throw new Error(`they are ${names_.join(', ')}`);
        },
        // Each look is a program that starts, beside hosts that are starting.
        { timeoutMs: 60_000, everyMs: 1_000 },
      );
    },
    async giveUpAfter(seconds) {
      const applied = await installation.terrane(['apply', '-f', '-'], { stdin: settings(seconds) });
      if (applied.code !== 0) throw new Error(applied.stderr);
    },
    async stop() {
      await installation.stop();
      await lab.stop();
    },
  };
  try {
    await lab.expose(Number(new URL(installation.https).port));
    await all.giveUpAfter(GIVEN_UP_SECONDS);
    await Promise.all(names.map((name) => all.join(name)));
    await all.ready(...names);
    return all;
  } catch (error) {
    await all.stop();
    throw error;
  }
}
