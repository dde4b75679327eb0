import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What is killed is gone within this, ms. */
const END_MS = 5_000;
const LOOK_MS = 20;
/** Of all programs that do WireGuard: wg(8) looks there. */
const SOCKETS = '/var/run/wireguard';

/**
 * Kills each process of `program` that serves `device` in this process's own network, and waits until it is gone: one that hangs doesn't end with its
 * device, and keeps its socket, so that none takes its place. The socket goes, too: the last of its threads may have it open for a moment more.
 */
export async function endProgram(program: string, device: string): Promise<void> {
  for (const pid of await readdir('/proc')) {
    if (!/^[1-9]\d*$/.test(pid) || !(await serves(pid, program, device))) continue;
    kill(Number(pid));
    for (let waited = 0; waited < END_MS && (await serves(pid, program, device)); waited += LOOK_MS) await delay(LOOK_MS);
    await rm(`${SOCKETS}/${device}.sock`, { force: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended meanwhile, as it does with its device.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** False, too, for one that has ended and that nobody has asked how (it has no arguments any more), or that is somebody else's. */
async function serves(pid: string, program: string, device: string): Promise<boolean> {
  try {
    // What it is called by, cut by the kernel to 15 characters (proc(5)).
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')).trim() !== program.slice(0, 15)) return false;
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    const [its, own] = await Promise.all([readlink(`/proc/${pid}/ns/net`), readlink('/proc/self/ns/net')]);
    return args.includes(device) && its === own;
  } catch {
    return false;
  }
}
