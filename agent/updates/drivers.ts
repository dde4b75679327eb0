import { join } from 'node:path';
import type { UpdateDriverName } from '../../core/resources/schema/update-group.ts';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { SignedClient } from '../uplink/signed-client.ts';
import { aptDriver } from './apt/apt-driver.ts';
import type { AnyUpdateDriver } from './driver.ts';
import { raucDriver } from './rauc/rauc-driver.ts';
import type { RunCommand } from './run-command.ts';

/** What drivers are made from. */
export interface DriverContext {
  readonly run: RunCommand;
  /** Of all that has to do with updates, below the agent's data. */
  readonly folder: string;
  readonly client: Pick<SignedClient, 'ca'>;
  /** Of this agent. */
  readonly version: string;
  /** Something about an update that people should know. */
  readonly remark: (message: string) => void;
}

const DRIVERS: Readonly<Partial<Record<UpdateDriverName, (context: DriverContext) => AnyUpdateDriver>>> = {
  apt: ({ run, folder, client: { ca }, remark }) => aptDriver({ run, folder: join(folder, 'apt'), ca, remark }),
  rauc: ({ run, folder, client: { ca } }) => raucDriver({ run, folder: join(folder, 'rauc'), ca }),
};

/** Each is made once: they may remember things. */
export function driverOf(context: DriverContext): (update: AssignedUpdate) => AnyUpdateDriver {
  const made = new Map<UpdateDriverName, AnyUpdateDriver>();
  return ({ driver: name }) => {
    const driver = made.get(name) ?? DRIVERS[name]!(context);
    made.set(name, driver);
    return driver;
  };
}
