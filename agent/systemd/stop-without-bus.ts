import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What must not run in two places must not wait for a bus: systemctl reaches systemd without one. `over`: its time for stopping is. */
export async function stopWithoutBus(systemctl: readonly string[], name: string, over: boolean): Promise<void> {
  const [program = '', ...first] = systemctl;
  const words = over ? ['kill', '--signal=KILL', '--'] : ['stop', '--no-block', '--'];
  await promisify(execFile)(program, [...first, ...words, name]);
}
