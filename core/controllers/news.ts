import { createHash } from 'node:crypto';
import type { Report } from '../node/report.ts';
import { canonicalJson } from './digest.ts';

/**
 * The same for two reports that say the same, as far as the controllers look: most reports are mere heartbeats, and not worth
 * a run. (The exception, the first report after a silence, is for whoever knows which hosts are silent.)
 */
export function reportFingerprint(report: Report): string {
  const { agentVersion: _a, bootId: _b, observedRevision: _o, withinSeconds: _w, leaseSeconds: _l, node, ...rest } = report;
  const conditions = node.conditions?.map(({ lastHeartbeatTime: _h, lastProbeTime: _p, ...condition }) => condition);
  const told = { ...rest, node: { ...node, conditions } };
  return createHash('sha256').update(canonicalJson(told)).digest('base64url');
}
