import { join } from 'node:path';
import type { Logger } from '../../core/ports/logger.ts';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { UpdateDriverName } from '../../core/resources/schema/update-group.ts';
import { ownInstallation } from '../upgrade/installation.ts';
import { agentUpgrade } from '../upgrade/upgrade.ts';
import type { BytesClient, SignedClient } from '../uplink/signed-client.ts';
import { aptDriver } from './apt/apt-driver.ts';
import type { AnyUpdateDriver } from './driver.ts';
import { fcosDriver } from './fcos/fcos-driver.ts';
import { flatcarDriver } from './flatcar/flatcar-driver.ts';
import { type OmahaRelay, startOmahaRelay } from './flatcar/omaha-relay.ts';
import { raucDriver } from './rauc/rauc-driver.ts';
import type { RunCommand } from './run-command.ts';
import { selfDriver } from './self/self-driver.ts';

/** What drivers are made from. */
export interface DriverContext {
  readonly run: RunCommand;
  /** Of all that has to do with updates, below the agent's data. */
  readonly folder: string;
  readonly client: Pick<SignedClient, 'ca'> & BytesClient;
  /** Of this agent. */
  readonly version: string;
  readonly architecture: string;
  readonly now: () => number;
  readonly log: Logger;
  /** Something about an update that people should know. */
  readonly remark: (message: string) => void;
  readonly signal: AbortSignal;
}

type Make = (context: DriverContext, update: AssignedUpdate) => AnyUpdateDriver;

/** A driver that is missing here doesn't compile. */
const DRIVERS: Readonly<Record<UpdateDriverName, Make>> = {
  apt: ({ run, folder, client: { ca }, remark }) => aptDriver({ run, folder: join(folder, 'apt'), ca, remark }),
  rauc: ({ run, folder, client: { ca } }) => raucDriver({ run, folder: join(folder, 'rauc'), ca }),
  fcos: ({ run, folder, client: { ca }, architecture }) => fcosDriver({ run, folder: join(folder, 'fcos'), ca, architecture }),
  flatcar: ({ run, client, log, signal }, { group }) => flatcarDriver({ run, group, omahaUrl: relay(client, log, signal).url }),
  agent({ version, folder, client: { ca }, now }) {
    const installation = ownInstallation(process.argv[1]);
    // The follower restarts the agent, when it has written down that it does.
    const upgrade = installation && agentUpgrade({ installation, now, restart: async () => {} });
    const installed = installation && upgrade && { installation, upgrade };
    return selfDriver({ installed, version, folder: join(folder, 'agent'), ca });
  },
};

/** Each is made once for a group. */
export function driverOf(context: DriverContext): (update: AssignedUpdate) => AnyUpdateDriver {
  const made = new Map<string, AnyUpdateDriver>();
  return (update) => {
    const key = `${update.driver} ${update.group}`;
    const driver = made.get(key) ?? DRIVERS[update.driver](context, update);
    made.set(key, driver);
    return driver;
  };
}

const relays = new WeakMap<BytesClient, OmahaRelay>();

/** One for each agent, as long as it lives, from when a group first wants it. */
function relay(client: BytesClient, log: Logger, signal: AbortSignal): OmahaRelay {
  const found = relays.get(client) ?? startOmahaRelay(client, log);
  if (!relays.has(client)) signal.addEventListener('abort', () => found.close(), { once: true });
  relays.set(client, found);
  return found;
}
