export interface WorkloadSummary {
  readonly kind: 'Deployment' | 'Pod' | 'Unit';
  /** Empty of a unit, which has none. */
  readonly namespace: string;
  readonly name: string;
  readonly ready: number;
  readonly wanted: number;
  readonly healthy: boolean;
  /** Where its rollout or its start stands. */
  readonly state: string;
  /** Each reason once. */
  readonly why: readonly string[];
}
