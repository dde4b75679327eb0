import type { ConfigMap } from '../resources/schema/config-map.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Secret } from '../resources/schema/secret.ts';

/**
 * Everything one host must know, and nothing else: GET /node/v1/assignment (ETag, If-None-Match).
 * A pod with metadata.deletionTimestamp is to be stopped gracefully and then reported `gone`.
 */
export interface Assignment {
  readonly cluster: string;
  readonly node: Node;
  /** The registry revision it was computed at. Only a higher one is applied. */
  readonly revision: number;
  readonly pods: readonly Pod[];
  /** Only those that the pods refer to. */
  readonly configMaps: readonly ConfigMap[];
  readonly secrets: readonly Secret[];
  readonly settings: AssignmentSettings;
}

export interface AssignmentSettings {
  /** How often to report when nothing changed, seconds. */
  readonly reportSeconds: number;
  /** How often to poll the assignment (hints come in between), seconds; +-20 % jitter. */
  readonly pollSeconds: number;
}
