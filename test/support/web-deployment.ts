import type { Container } from '../../core/resources/schema/pod.ts';

export interface WebDeploymentOptions {
  readonly annotations?: Record<string, string>;
  /** What its container has besides. */
  readonly container?: Partial<Container>;
}

/** `web` in the namespace `default`, as a person would apply it. */
export function webDeployment(replicas: number, { annotations, container }: WebDeploymentOptions = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', ...(annotations && { annotations }) },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1', ...container }] } },
    },
  };
}
