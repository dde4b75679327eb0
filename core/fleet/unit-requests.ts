import type { Amounts } from '../scheduler/requests.ts';
import type { UnitOption } from './unit-file.ts';

/**
 * What a unit takes of its host, by what its [Service] section limits it to, as a pod's limit counts as its request: CPUQuota= (millicores) and
 * MemoryMax= or the older MemoryLimit= (bytes). systemd.resource-control(5). Of an option that is given several times the last one counts. Shares of the
 * host's own memory, and values that systemd would not understand, ask for nothing.
 */
export function unitRequests(options: readonly UnitOption[]): Amounts {
  const last = (...names: readonly string[]) =>
    options.filter(({ section, name }) => section === 'Service' && names.includes(name)).at(-1)?.value ?? '';
  const requests = new Map<string, number>();
  const [, percent] = /^(\d{1,7}(?:\.\d+)?)%$/.exec(last('CPUQuota')) ?? [];
  if (percent !== undefined) requests.set('cpu', Math.ceil(Number(percent) * 10));
  const [, amount, suffix = ''] = /^(\d{1,15})([KMGTPE]?)B?$/.exec(last('MemoryMax', 'MemoryLimit')) ?? [];
  if (amount !== undefined) requests.set('memory', Number(amount) * 1024 ** ' KMGTPE'.indexOf(suffix || ' '));
  return requests;
}
