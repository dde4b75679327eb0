import type { Deployment } from '../resources/schema/deployment.ts';

/** Where a rollout stands. */
export interface RolloutState {
  readonly done: boolean;
  /** It will not get further by itself. */
  readonly failed: boolean;
  readonly words: string;
}

/** As `kubectl rollout status` judges it. */
export function rolloutState({ metadata, spec, status = {} }: Deployment): RolloutState {
  const wanted = spec.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const running = (words: string): RolloutState => ({ done: false, failed: false, words });
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return running('the change is being looked at');
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded')
    return { done: false, failed: true, words: `no progress within ${spec.progressDeadlineSeconds ?? 600} s` };
  if (updatedReplicas < wanted) return running(`${updatedReplicas} of ${wanted} pods updated`);
  if (replicas > updatedReplicas) return running(`${replicas - updatedReplicas} old pods are ending`);
  if (availableReplicas < updatedReplicas) return running(`${availableReplicas} of ${updatedReplicas} pods available`);
  return { done: true, failed: false, words: `${availableReplicas} of ${wanted} pods available` };
}
