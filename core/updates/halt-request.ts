import * as z from 'zod';
import type { HaltReason } from './model.ts';

/**
 * What may be sent to .../groups/GROUP/halt: a person's words, or what Alertmanager sends to a webhook receiver (its version 4,
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config; of which only what is needed is looked at).
 */
export const haltRequestSchema = z.union([
  z.strictObject({ reason: z.string().trim().min(1).max(500) }),
  z.object({
    alerts: z.array(z.object({ status: z.enum(['firing', 'resolved']), labels: z.record(z.string(), z.string()) })).max(10_000),
  }),
]);
export type HaltRequest = z.infer<typeof haltRequestSchema>;

const NAMED_MAX = 5;

/** undefined: nothing to halt for, all alerts are over. Being over resumes nothing: a person has to have looked. */
export function haltAsked(request: HaltRequest): { readonly reason: HaltReason; readonly message: string } | undefined {
  if ('reason' in request) return { reason: 'HaltedByHand', message: request.reason };
  const firing = request.alerts.filter(({ status }) => status === 'firing');
  if (firing.length === 0) return undefined;
  const names = [...new Set(firing.map(({ labels }) => (labels['alertname'] ?? 'without a name').slice(0, 100)))];
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  return { reason: 'AlertFiring', message: `${names.slice(0, NAMED_MAX).join(', ')}${more}` };
}
