import { expect } from '@jest/globals';
import { eventually } from '../eventually.ts';
import type { LabPod } from './pods.ts';

/** What is promised of packets between pods, whatever way they take. */

/** Headers of IPv4 and ICMP, bytes. */
const HEADERS = 28;

/** Packets of `mtu` bytes pass in one piece, and one byte more is refused where it is sent. */
export async function expectMtu(from: LabPod, to: LabPod, mtu: number): Promise<void> {
  const whole = ['-M', 'do', '-s'];
  await from.ping(to.ip, ...whole, String(mtu - HEADERS));
  const { code, stdout, stderr } = await from.run('ping', '-n', '-c', '1', '-W', '1', ...whole, String(mtu - HEADERS + 1), to.ip);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(new RegExp(`message too long, mtu[ =]${mtu}`, 'i'));
}

/** `to` answers what `from` asks, and sees its address. */
export async function expectSourceKept(from: LabPod, to: LabPod): Promise<void> {
  await eventually(`${to.name} answers ${from.name}`, async () => {
    const { stdout } = await from.run('curl', '-fsS', '-m', '5', `http://${to.ip}/`);
    expect(stdout).toBe(`${to.name}\n`);
  });
  await eventually('the server has logged it', async () => expect(await to.logs()).toContain(from.ip));
}
