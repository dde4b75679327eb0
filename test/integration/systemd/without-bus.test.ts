import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { LeaseKeeper } from '../../../agent/fencing/lease-keeper.ts';
import { NO_GUARD } from '../../../agent/fencing/fence-guard.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { startUnits } from '../../../agent/systemd/start-units.ts';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
if (asRoot === test.skip) console.warn("skipped what the agent does without D-Bus: it takes root, as the agent's units do");

asRoot(
  'a host whose D-Bus comes later runs units from then on, and goes on to be one for units while its bus is restarted',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'terrane-units-'));
    const bus = join(directory, 'bus');
    const units = await startUnits({
      owner: 'c/h',
      assignment: () => undefined,
      lease: () => ({ lapsedAt: () => undefined, holds: () => true }) as unknown as LeaseKeeper,
      guard: NO_GUARD,
      log: silentLogger,
      events: { add() {} },
      now: () => 0,
      time: String,
      onChange: () => {},
      places: { bus, directory, memory: directory },
    });
    expect(units!.usable()).toBe(false);
    await writeFile(bus, '');
    expect(units!.usable()).toBe(true);
    await rm(bus);
    expect(units!.usable()).toBe(true);
    await units!.close();
    await rm(directory, { recursive: true });
  },
);
