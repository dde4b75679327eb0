import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AwsServices } from './aws-services.ts';
import type { FunctionPool } from './function-pool.ts';
import type { Synthesised } from './synthesised.ts';
import { urlEvent } from './url-event.ts';

export interface CloudFrontOptions {
  readonly synthesised: Synthesised;
  readonly functions: ReadonlyMap<string, FunctionPool>;
  readonly services: AwsServices;
  /** In place of the dynamic references in the template. */
  readonly originSecret: string;
}

export interface CloudFront {
  readonly url: string;
  close(): void;
}

/** A request on its way, as CloudFront's functions see it. */
interface EdgeRequest {
  uri: string;
  readonly headers: Record<string, { value: string }>;
}

interface Behaviour {
  readonly pattern: RegExp;
  /** A function behind a URL, or `push`: the WebSocket API. */
  readonly target: string;
  readonly originHeaders: Record<string, string>;
  readonly edge: (event: { request: EdgeRequest; viewer: { ip: string } }) => EdgeRequest;
}

/**
 * CloudFront, function URLs and API Gateway's WebSockets on loopback, as the template configures them: paths, edge functions and origin
 * headers are the template's own.
 */
export async function cloudFront(options: CloudFrontOptions): Promise<CloudFront> {
  const { functions, services } = options;
  const behaviours = behavioursOf(options);
  const sockets = new WebSocketServer({ noServer: true });

  /** What reaches the origin; undefined for what S3 would answer. */
  function route(request: IncomingMessage) {
    const [path, query] = (request.url ?? '/').split(/\?(.*)/s) as [string, string?];
    const behaviour = behaviours.find(({ pattern }) => pattern.test(path));
    if (!behaviour) return undefined;
    const sent = Object.entries(request.headers).map(([name, value]) => [name, { value: [value].flat().join(', ') }] as const);
    const viewer = { ip: request.socket.remoteAddress ?? '' };
    const edge = behaviour.edge({ request: { uri: path, headers: Object.fromEntries(sent) }, viewer });
    const headers = Object.fromEntries(Object.entries(edge.headers).map(([name, { value }]) => [name, value]));
    return {
      target: behaviour.target,
      path: query === undefined ? edge.uri : `${edge.uri}?${query}`,
      headers: { ...headers, ...behaviour.originHeaders },
    };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const way = route(request);
    if (!way) {
      response.writeHead(404).end('S3 is not here\n');
      return;
    }
    const { path, headers } = way;
    const event = urlEvent({ method: request.method ?? 'GET', path, headers, body: await buffer(request) });
    const answer = await functions.get(way.target)!.invoke(event);
    if (answer.kind === 'stream') return relay(answer.stream, response);
    const { statusCode, body, isBase64Encoded, ...head } = answer.value as Head & { body: string; isBase64Encoded: boolean };
    writeHead(response, { statusCode, ...head });
    response.end(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'));
  }

  async function connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const way = route(request);
    if (way?.target !== 'push' || way.path !== '/live') return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const push = functions.get('push')!;
    const connectionId = `${randomBytes(8).toString('base64')}`;
    const event = (routeKey: string, eventType: string) => ({
      requestContext: {
        routeKey,
        eventType,
        connectionId,
        stage: 'live',
        apiId: 'ws12345678',
        requestId: randomBytes(8).toString('hex'),
      },
      isBase64Encoded: false,
    });
    const headers = { ...way.headers, host: 'ws12345678.execute-api.us-east-1.amazonaws.com' };
    // API Gateway hands names over as a client wrote them.
    const titled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.replaceAll(/\b[a-z]/g, (c) => c.toUpperCase()), value]),
    );
    const admitted = (await push.call({ ...event('$connect', 'CONNECT'), headers: titled })) as Head & { body?: string };
    if (admitted.statusCode !== 200) {
      const lines = Object.entries(admitted.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${admitted.statusCode} Refused\r\n${lines.join('')}\r\n${admitted.body ?? ''}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      services.connections.set(connectionId, { send: (text) => webSocket.send(text), close: () => webSocket.close() });
      webSocket.on('message', () => void push.call({ ...event('$default', 'MESSAGE'), body: '' }));
      webSocket.on('close', () => {
        services.connections.delete(connectionId);
        push.call(event('$disconnect', 'DISCONNECT')).catch(() => {});
      });
    });
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(`${String(error)}\n`);
    });
  });
  server.on('upgrade', (request, socket, head) => void connect(request, socket, head).catch(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const client of sockets.clients) client.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Head {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
}

function writeHead(response: ServerResponse, { statusCode, headers = {}, cookies = [] }: Head): void {
  const { 'content-length': _, ...rest } = headers;
  response.writeHead(statusCode, { ...rest, ...(cookies.length > 0 && { 'set-cookie': [...cookies] }) });
}

/** JSON, eight NULs, then the body (https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html). */
async function relay(stream: Readable, response: ServerResponse): Promise<void> {
  let start: Buffer = Buffer.alloc(0);
  let begun = false;
  response.once('close', () => stream.destroy());
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (begun) {
      response.write(chunk);
      continue;
    }
    start = Buffer.concat([start, chunk]);
    const end = start.indexOf(Buffer.alloc(8));
    if (end < 0) continue;
    begun = true;
    writeHead(response, JSON.parse(start.subarray(0, end).toString('utf8')) as Head);
    response.flushHeaders();
    if (start.length > end + 8) response.write(start.subarray(end + 8));
  }
  response.end();
}

function behavioursOf({ synthesised, originSecret }: CloudFrontOptions): Behaviour[] {
  const { resources, functions } = synthesised;
  const distribution = Object.values(resources).find(({ Type }) => Type === 'AWS::CloudFront::Distribution')!;
  const { CacheBehaviors, Origins } = distribution.Properties.DistributionConfig;
  const nameOf = new Map(Array.from(functions, ([name, { logicalId }]) => [logicalId, name]));
  return CacheBehaviors.map((behaviour: TemplateBehaviour): Behaviour => {
    const origin = (Origins as TemplateOrigin[]).find(({ Id }) => Id === behaviour.TargetOriginId)!;
    const domain = JSON.stringify(origin.DomainName);
    const [, url] = Object.entries(resources).find(([id, { Type }]) => Type === 'AWS::Lambda::Url' && domain.includes(id)) ?? [];
    const edge = resources[behaviour.FunctionAssociations[0]!.FunctionARN['Fn::GetAtt'][0]!]!;
    return {
      pattern: new RegExp(`^${behaviour.PathPattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`),
      target: url ? nameOf.get(url.Properties.TargetFunctionArn['Fn::GetAtt'][0])! : 'push',
      originHeaders: Object.fromEntries(
        origin.OriginCustomHeaders.map(({ HeaderName }) => [HeaderName.toLowerCase(), originSecret]),
      ),
      // oxlint-disable-next-line typescript/no-implied-eval -- our own template's code
      edge: new Function(`${edge.Properties.FunctionCode}; return handler;`)() as Behaviour['edge'],
    };
  });
}

interface TemplateBehaviour {
  readonly PathPattern: string;
  readonly TargetOriginId: string;
  readonly FunctionAssociations: readonly { readonly FunctionARN: { readonly 'Fn::GetAtt': readonly string[] } }[];
}

interface TemplateOrigin {
  readonly Id: string;
  readonly DomainName: unknown;
  readonly OriginCustomHeaders: readonly { readonly HeaderName: string }[];
}
