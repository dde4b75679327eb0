import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { type Finished, ToolMissing } from '../../kernel/command.ts';
import { userspace } from './userspace.ts';

/** Commands that were run, and what each answers. */
function machine(answers: Record<string, Partial<Finished> | Error>) {
  const ran: string[] = [];
  const run = async (command: string, args: readonly string[]): Promise<Finished> => {
    ran.push([command, ...args].join(' '));
    const answer = answers[command] ?? {};
    if (answer instanceof Error) throw answer;
    return { code: 0, stdout: '', stderr: '', ...answer };
  };
  const end = async (program: string, device: string) => void ran.push(`end ${program} ${device}`);
  return { ran, run, end, log: silentLogger };
}

describe('WireGuard by a program', () => {
  test('is a service of its own where systemd is, so that it outlives the agent, and one that hangs makes room for it', async () => {
    const { ran, ...options } = machine({});
    await userspace({ ...options, hasServices: () => Promise.resolve(true) }).start('terrane-wg');
    expect(ran[0]).toBe('wireguard-go --version');
    expect(ran[1]).toBe('end wireguard-go terrane-wg');
    expect(ran[2]).toBe('systemctl stop -- terrane-wireguard.service');
    expect(ran[3]).toMatch(/^systemd-run .*--unit=terrane-wireguard\.service.* -- wireguard-go --foreground terrane-wg$/);
    expect(ran.slice(4)).toEqual(['wg show terrane-wg']);
  });

  test('runs beside the agent where there is no systemd, or it would see another network', async () => {
    const { ran, ...options } = machine({});
    await userspace({ ...options, hasServices: () => Promise.resolve(false) }).start('terrane-wg');
    expect(ran).toEqual(['wireguard-go --version', 'end wireguard-go terrane-wg', 'wireguard-go terrane-wg']);
  });

  test('runs beside the agent if systemd refuses', async () => {
    const { ran, ...options } = machine({ 'systemd-run': { code: 1, stderr: 'Failed to connect to bus\n' } });
    await userspace({ ...options, hasServices: () => Promise.resolve(true) }).start('terrane-wg');
    expect(ran.at(-1)).toBe('wireguard-go terrane-wg');
  });

  test('that is not installed, or does not start, is said to be so', async () => {
    const missing = machine({ 'wireguard-go': new ToolMissing('wireguard-go') });
    await expect(userspace({ ...missing, hasServices: () => Promise.resolve(true) }).start('terrane-wg')).rejects.toThrow(
      'wireguard-go is not on this host',
    );
    expect(missing.ran).toHaveLength(1);
    const banner = '┌──┐\n└──┘\n';
    const broken = machine({ 'wireguard-go': { code: 1, stdout: 'ERROR: Failed to create TUN device\n', stderr: banner } });
    await expect(userspace({ ...broken, hasServices: () => Promise.resolve(false) }).start('terrane-wg')).rejects.toThrow(
      'wireguard-go did not start: ERROR: Failed to create TUN device',
    );
  });
});
