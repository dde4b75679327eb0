import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { MiddlewareHandler } from 'hono';

/** What the embedded control plane says of itself at /metrics, in Prometheus' text format. */
export interface ServerMetrics {
  readonly registry: Registry;
  /** Counts and times every request; streams count when their headers are sent. */
  readonly middleware: MiddlewareHandler;
}

export function serverMetrics(connectedHosts: () => number): ServerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const seconds = new Histogram({
    name: 'terrane_http_request_duration_seconds',
    help: 'Time until the headers of an answer were sent, by face, method and status.',
    labelNames: ['face', 'method', 'status'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  new Gauge({
    name: 'terrane_push_connections',
    help: 'Hosts with an open push connection.',
    registers: [registry],
    collect() {
      this.set(connectedHosts());
    },
  });
  const middleware: MiddlewareHandler = async (c, next) => {
    const end = seconds.startTimer();
    await next();
    end({ face: faceOf(c.req.path), method: c.req.method, status: c.res.status });
  };
  return { registry, middleware };
}

/** A few fixed values: paths hold ids, and a label value per id would grow without bound. */
function faceOf(path: string): string {
  const match = /^\/(v1|clusters|node|install\.sh|artifacts|healthz|readyz|metrics)(?:\/|$)/.exec(path);
  return match?.[1] ?? 'other';
}
