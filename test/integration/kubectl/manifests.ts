/** Objects as a person would write them in a file. */

export const deployment = (name: string, image = 'web:1', extra: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'web', image, ports: [{ containerPort: 80 }], resources: { requests: { cpu: '500m', memory: '64Mi' } } },
        ],
      },
    },
    ...extra,
  },
});

export const pod = (name: string, spec: object = {}, labels: Record<string, string> = { app: 'x' }) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...spec },
});

export const configMap = (name: string, data: Record<string, string>, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});
