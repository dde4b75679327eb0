import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

/** What a function answered: a value, or bytes as they come. */
export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'stream'; readonly stream: IncomingMessage };

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly deadline: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The Lambda Runtime API for one function process: hands it one event after the other, and its answers back. */
export interface RuntimeApi {
  /** host:port, as AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string;
  invoke(event: unknown, timeoutMs: number): Promise<Answer>;
  /** Resolves when the process asks for its first event: it is initialised. */
  readonly ready: Promise<void>;
  /** All that waits fails with this. */
  fail(error: Error): void;
  close(): void;
}

export async function runtimeApi(): Promise<RuntimeApi> {
  const queue: Invocation[] = [];
  const running = new Map<string, Invocation>();
  let idle: ServerResponse | undefined;
  let failed: Error | undefined;
  let isReady = () => {};
  let initFailed: (error: Error) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    isReady = resolve;
    initFailed = reject;
  });
  ready.catch(() => {});

  function handOver(): void {
    if (!idle || queue.length === 0) return;
    const invocation = queue.shift()!;
    running.set(invocation.id, invocation);
    idle.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': String(invocation.deadline),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:test',
    });
    idle.end(JSON.stringify(invocation.event));
    idle = undefined;
  }

  function fail(error: Error): void {
    failed = error;
    initFailed(error);
    for (const { reject } of [...queue.splice(0), ...running.values()]) reject(error);
    running.clear();
  }

  const server = createServer((request, response) => {
    const [, id, what] = /^\/2018-06-01\/runtime\/(?:invocation\/)?([\w-]+)(?:\/(\w+))?$/.exec(request.url ?? '') ?? [];
    if (request.method === 'GET' && id === 'next') {
      isReady();
      idle = response;
      handOver();
      return;
    }
    void receive(request, id ?? '', what ?? '').finally(() => response.writeHead(202).end('{}'));
  });

  async function receive(request: IncomingMessage, id: string, what: string): Promise<void> {
    const invocation = running.get(id);
    if (what === 'response' && request.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      running.delete(id);
      invocation?.resolve({ kind: 'stream', stream: request });
      // Lambda takes the last byte before it answers.
      await new Promise<void>((resolve) => request.once('close', resolve));
      return;
    }
    const body = (await buffer(request)).toString('utf8');
    running.delete(id);
    if (what === 'response') invocation?.resolve({ kind: 'value', value: JSON.parse(body) });
    else if (id === 'init') fail(new Error(`the function did not initialise: ${body}`));
    else invocation?.reject(new Error(`the function failed: ${body}`));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ready,
    fail,
    invoke(event, timeoutMs) {
      if (failed) return Promise.reject(failed);
      return new Promise((resolve, reject) => {
        queue.push({ id: randomUUID(), event, deadline: Date.now() + timeoutMs, resolve, reject });
        handOver();
      });
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
