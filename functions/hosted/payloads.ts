import { createHmac } from 'node:crypto';
import type { Payloads } from '../../core/ports/payloads.ts';
import { payloadBucket } from '../../store/payload-bucket.ts';
import { required } from './environment.ts';
import type { HostedStore } from './store.ts';

/** The installation's bucket of payloads, with the function's own credentials. */
export function hostedPayloads({ client, clock }: Pick<HostedStore, 'client' | 'clock'>): Payloads {
  return payloadBucket({
    bucket: required('payloadBucket'),
    region: required('region'),
    credentials: () => client.config.credentials(),
    clock,
  });
}

/** Signs URLs of payloads. All functions behind the front door have its secret, and nobody else has. */
export function hostedTicketKey(): Uint8Array {
  return createHmac('sha256', required('originSecret')).update('tickets of payloads').digest();
}
