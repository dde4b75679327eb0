import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { CREDENTIALS, signatureProblem } from '../lambda/signature-v4.ts';
import { AwsFailure, type AwsJsonService } from './service.ts';
import type { Sts } from './sts.ts';

/** A region of AWS with these services, on loopback, for the real SDK clients. */
export interface AwsServer {
  /** For a client's constructor. */
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string };
  };
  /** Calls whose signature is wrong, or that no service knows: none in a test that passes. */
  readonly refused: string[];
  close(): void;
}

export async function awsServer(services: readonly AwsJsonService[], tokens?: Sts): Promise<AwsServer> {
  const refused: string[] = [];
  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => {
      refused.push(String(error));
      fail(response, new AwsFailure('InternalFailure', String(error), 500));
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    if (tokens && isQuery(request)) return answerQuery(tokens, body, request, response);
    const [target = '', action = ''] = String(request.headers['x-amz-target'] ?? '').split('.');
    const service = services.find((one) => one.target === target);
    if (!service) throw new Error(`no such service here: ${request.method} ${request.url} ${target}`);
    const problem = signatureProblem(request, body, service.signedFor);
    if (problem) throw new Error(`${target}.${action}: ${problem}`);
    answerJson(service, action, body, request, response);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    settings: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: {
        accessKeyId: `${CREDENTIALS.idPrefix}TEST`,
        secretAccessKey: CREDENTIALS.secret,
        sessionToken: CREDENTIALS.session,
      },
    },
    refused,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function isQuery(request: IncomingMessage): boolean {
  return String(request.headers['content-type']).startsWith('application/x-www-form-urlencoded');
}

/** STS speaks another protocol than the rest: forms, and XML. */
export function answerQuery(service: Sts, body: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const problem = signatureProblem(request, body, service.signedFor);
  if (problem) throw new Error(`sts: ${problem}`);
  try {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(service.query(new URLSearchParams(body.toString('utf8'))));
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    const { type, message, status } = error;
    response.writeHead(status, { 'content-type': 'text/xml' });
    response.end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${type}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    );
  }
}

/** Runs a call whose signature was found right. */
export function answerJson(
  service: AwsJsonService,
  action: string,
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  try {
    const input = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    const accessKey = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const output = service.call(action, input, accessKey);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(output ?? {}));
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    fail(response, error);
  }
}

function fail(response: ServerResponse, { type, message, status }: AwsFailure): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type });
  response.end(JSON.stringify({ __type: type, message }));
}
