import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { diagnose } from '../../core/network/doctor/diagnose.ts';
import type { Diagnosis } from '../../core/network/doctor/facts.ts';
import type { DnsFacts } from '../dns/start-dns.ts';
import { gatherFacts } from './gather.ts';

export interface NetworkDoctorOptions {
  readonly node: string;
  readonly assigned: () => AssignedNetwork | undefined;
  readonly clockAheadMs: () => number | undefined;
  readonly dns: () => DnsFacts;
}

/** Looks and judges. Who asks while it is looking gets the same answer: looking costs programs and packets. */
export function networkDoctor({ node, assigned, clockAheadMs, dns }: NetworkDoctorOptions): () => Promise<Diagnosis> {
  let looking: Promise<Diagnosis> | undefined;
  return () => {
    looking ??= gatherFacts({
      node,
      assigned: assigned(),
      clockAheadMs: clockAheadMs(),
      dns: dns(),
      signal: AbortSignal.timeout(LIMIT_MS),
    })
      .then(diagnose)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
}

/** However slow things are, an answer comes within this, ms. */
const LIMIT_MS = 25_000;
