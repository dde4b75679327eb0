import { join } from 'node:path';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import type { EventInput } from '../event-log.ts';
import type { Verdict } from '../node/conditions.ts';
import type { BytesClient, SignedClient } from '../uplink/signed-client.ts';
import { updateControl } from './control-plane.ts';
import { OS_UPDATES_LABEL, osUpdates } from './detect.ts';
import { driverOf } from './drivers.ts';
import { type Follower, type FollowerOptions, startFollower } from './follower.ts';
import type { HostHealth } from './health-gate.ts';
import { must, runCommand } from './run-command.ts';
import { updateVerdicts } from './telling.ts';

/** This host's updates: of its operating system, and of the agent. */
export interface Updates {
  /** What the control plane wants kept up to date. The first call begins, or goes on where the last agent was. */
  assign(updates: readonly AssignedUpdate[]): void;
  /** For the node's conditions. */
  verdicts(): Verdict[];
  /** How this host's system can be updated, as a label. */
  readonly labels: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export interface UpdatesOptions {
  readonly client: SignedClient & BytesClient;
  readonly dataDirectory: string;
  readonly version: string;
  readonly host: HostHealth;
  readonly architecture: string;
  readonly bootId: string;
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly now: () => number;
  readonly random: () => number;
  /** Ends this agent, so that the one that is installed now begins. */
  readonly restart: () => void;
  readonly log: Logger;
  readonly events: { add(event: EventInput): void };
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

const BUSY_MS = 2_000;

export async function startUpdates(options: UpdatesOptions): Promise<Updates> {
  const { client, dataDirectory, signal, architecture } = options;
  const folder = join(dataDirectory, 'updates');
  const remark = (message: string) => options.events.add({ type: 'Normal', reason: 'UpdateRemark', message });
  const control = updateControl(client, signal);
  const context = { ...options, run: runCommand, folder, remark };
  const follower = (name: string): Follower =>
    startFollower({
      ...options,
      file: join(folder, `${name}.json`),
      driverOf: driverOf(context),
      control,
      run: runCommand,
      arch: architecture as FollowerOptions['arch'],
      async restart() {
        // dpkg would be ended with its agent, half-way.
        while (followers?.os.state().phase === 'activate' && !signal.aborted) await abortableDelay(BUSY_MS, signal);
        options.restart();
      },
      async reboot() {
        await must(runCommand, 'systemctl', ['reboot']);
      },
    });
  const detected = await osUpdates();
  let followers: { readonly os: Follower; readonly agent: Follower } | undefined;
  return {
    assign(updates) {
      followers ??= { os: follower('os'), agent: follower('agent') };
      followers.os.follow(updates.find(({ driver }) => driver !== 'agent'));
      followers.agent.follow(updates.find(({ driver }) => driver === 'agent'));
    },
    verdicts: () => (followers ? updateVerdicts([followers.os.state(), followers.agent.state()]) : []),
    labels: detected ? { [OS_UPDATES_LABEL]: detected } : {},
    async close() {
      await Promise.all([followers?.os.done, followers?.agent.done]);
    },
  };
}
