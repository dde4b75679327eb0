import { describe, expect, test } from '@jest/globals';
import type { UpdateHealth } from '../../core/updates/driven-hosts.ts';
import { healthGate, healthProblems } from './health-gate.ts';
import type { RunCommand } from './run-command.ts';

const health: UpdateHealth = { timeoutSeconds: 0.01, units: ['app.service'], command: ['/usr/bin/check', '-q'] };
const signal = new AbortController().signal;
const failing = new Set<string>();
const run: RunCommand = async (command, args) => {
  const called = [command, ...args].join(' ');
  if (called.startsWith('journalctl')) return { code: 0, stdout: 'panic: no disk\n', log: '' };
  const bad = failing.has(command);
  return { code: bad ? 3 : 0, stdout: bad ? 'failed\n' : 'active\n', log: bad ? 'the check said no\n' : '' };
};
const host = (connected = true, engine?: string) => ({ connected: () => connected, engineProblem: () => engine });

describe('a host is well', () => {
  test('when nothing is wrong, and else everything that is wrong is told, with the end of its log', async () => {
    failing.clear();
    expect(await healthProblems({ health, host: host(), run, signal })).toEqual([]);
    failing.add('systemctl').add('/usr/bin/check');
    expect(await healthProblems({ health, host: host(false, 'no socket'), run, signal })).toEqual([
      'the agent does not reach the control plane',
      'no container engine answers: no socket',
      'app.service is failed\npanic: no disk',
      '/usr/bin/check ended with code 3: the check said no',
    ]);
  });

  test('only if it stays so for a few looks: one that comes and goes is not', async () => {
    failing.clear();
    let looks = 0;
    let uptime = 0;
    const flapping = { connected: () => ++looks % 3 !== 0, engineProblem: () => undefined };
    const problems = await healthGate({ health, host: flapping, run, signal, uptime: () => (uptime += 10) }, 100);
    expect(problems).toEqual(['the agent does not reach the control plane']);
    looks = 0;
    const late = { connected: () => ++looks > 4, engineProblem: () => undefined };
    expect(await healthGate({ health, host: late, run, signal, uptime: () => 0 }, 100)).toEqual([]);
    expect(looks).toBe(7);
  });
});
