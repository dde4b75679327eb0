import type { Diagnosis, Finding } from '../../core/network/doctor/facts.ts';
import { type Io, line } from '../io.ts';
import { type Colour, paint, plainText } from './colour.ts';

const TONES: Readonly<Record<Finding['status'], Colour>> = { ok: 'green', warning: 'yellow', problem: 'red', unknown: 'yellow' };

/** Host by host: what is wrong, why, and below it what to do. */
export async function printDiagnoses(
  io: Io,
  hosts: readonly (Diagnosis | { readonly node: string; readonly error: string })[],
  all: boolean,
): Promise<void> {
  for (const host of hosts) {
    if ('error' in host) {
      await line(io.out, `${host.node}: ${paint(io.out, io.env, 'red', 'could not be asked')}: ${plainText(host.error)}`);
      continue;
    }
    const wrong = host.findings.filter(({ status }) => status !== 'ok');
    const verdict =
      wrong.length === 0
        ? paint(io.out, io.env, 'green', `all is well (${host.findings.length} checks)`)
        : paint(io.out, io.env, TONES[worst(wrong)], `${wrong.length} of ${host.findings.length} findings need a look`);
    await line(io.out, `${host.node}: ${verdict}`);
    for (const { check, status, message, fix } of all ? host.findings : wrong) {
      await line(io.out, `  ${paint(io.out, io.env, TONES[status], status.padEnd(7))}  ${check}: ${plainText(message)}`);
      if (fix) await line(io.out, `           fix: ${plainText(fix)}`);
    }
  }
}

function worst(findings: readonly Finding[]): Finding['status'] {
  return findings.some(({ status }) => status === 'problem') ? 'problem' : 'warning';
}
