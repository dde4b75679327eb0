import type { Node } from '../resources/schema/node.ts';
import type { SilenceSettings } from './heartbeat.ts';

/**
 * The node timeout: a cluster's `notReadySeconds` (60). So long after its last sign of life at the latest a host that is gone is NotReady, and
 * withdrawn from the other hosts' networks. A sign of life is a report, or as long as one need not come, an answer to its peers' probes:
 *
 * - a host that reports every `renewSeconds` (nobody pushes to it, or it has fenced work) has this time after its last report;
 * - one whose push connection ended has it from then on;
 * - one that reports every few minutes is watched by its peers (core/network/watched.ts). They notice within `renewSeconds`, a third of the
 *   node timeout by default, and tell the control plane, which asks the host to report; it then has half of the node timeout to do so.
 */
export interface NodeTimeout {
  /** A peer is suspected that hasn't answered for about so long, ms. */
  readonly noticeMs: number;
  /** A host that was asked for a report is given up so long after, ms. */
  readonly answerMs: number;
}

export function nodeTimeout({ renewSeconds, notReadySeconds }: SilenceSettings): NodeTimeout {
  // renewSeconds is less than half of notReadySeconds (core/controllers/settings.ts), so that both fit.
  return { noticeMs: renewSeconds * 1000, answerMs: notReadySeconds * 500 };
}

/** When the control plane last asked the host for a report, because others suspect that it is gone. RFC 3339 with milliseconds. */
export const ASKED_ANNOTATION = 'terrane.dev/report-asked-at';

/** When it was asked once more, in the middle of its time: what a host is told may get lost. */
export const ASKED_AGAIN_ANNOTATION = 'terrane.dev/report-asked-again-at';

/** ms since the epoch; undefined if it never was. */
export function askedAt({ metadata }: Pick<Node, 'metadata'>): number | undefined {
  const at = Date.parse(metadata.annotations?.[ASKED_ANNOTATION] ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** Has a host that knew `before` of its Node been asked since? */
export function isAskedAnew(next: Pick<Node, 'metadata'>, before: Pick<Node, 'metadata'>): boolean {
  return [ASKED_ANNOTATION, ASKED_AGAIN_ANNOTATION].some((name) => {
    const asked = next.metadata.annotations?.[name];
    return asked !== undefined && asked !== before.metadata.annotations?.[name];
  });
}
