import type { PodSpec } from '../schema/pod.ts';

/** Fields that are kept and have no effect, and why. `field` is the path of the spec. */
export function podSpecAdvice(spec: PodSpec, field: string): string[] {
  const advice: string[] = [];
  const idle = (name: keyof PodSpec, why: string) => advice.push(`${field}.${name} has no effect: ${why}`);
  const account = spec.serviceAccountName;
  if (account !== undefined && account !== '' && account !== 'default') idle('serviceAccountName', 'pods get no token');
  if (spec.automountServiceAccountToken === true) idle('automountServiceAccountToken', 'pods get no token');
  return advice;
}
