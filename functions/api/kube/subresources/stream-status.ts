import type { StatusReason } from '../../../../core/resources/status.ts';

/** Of what a host answered: clients branch on the reason where there is one for the status. */
export function reasonOf(status: number): StatusReason {
  if (status === 400) return 'BadRequest';
  if (status === 404) return 'NotFound';
  if (status === 503) return 'ServiceUnavailable';
  return status === 504 ? 'Timeout' : 'InternalError';
}
