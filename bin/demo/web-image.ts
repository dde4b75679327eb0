import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DockerConnection } from '../../agent/docker/connection.ts';
import { dockerEngine } from '../../agent/docker/engine.ts';
import { tar } from '../../agent/docker/tar.ts';

/** The demo's web server, made on the spot: esbuild's static binary, which serves a folder, and one page. Nothing is pulled. */
export const DEMO_IMAGE = 'terrane-demo/web:1';
export const DEMO_PORT = 8080;

export async function makeWebImage(socket: string, page: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const binary = join(dirname(require.resolve(`@esbuild/${process.platform}-${process.arch}/package.json`)), 'bin', 'esbuild');
  const archive = tar([
    { path: 'web', content: readFileSync(binary), mode: 0o755 },
    { path: 'www', directory: true },
    { path: 'www/index.html', content: page },
    { path: 'tmp', directory: true, mode: 0o1777 },
  ]);
  const engine = dockerEngine(new DockerConnection(socket));
  try {
    await engine.importImage(DEMO_IMAGE, archive, [
      `EXPOSE ${DEMO_PORT}`,
      `CMD ["/web", "--serve=0.0.0.0:${DEMO_PORT}", "--servedir=/www"]`,
    ]);
  } finally {
    engine.close();
  }
}

export const demoManifest = (replicas: number): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: ${replicas}
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: web
          image: ${DEMO_IMAGE}
          imagePullPolicy: Never
          # esbuild's server ends when its standard input does.
          stdin: true
          ports: [{ name: http, containerPort: ${DEMO_PORT} }]
          resources:
            requests: { cpu: 50m, memory: 32Mi }
            limits: { memory: 128Mi }
          readinessProbe:
            httpGet: { path: /, port: http }
            periodSeconds: 2
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
`;
