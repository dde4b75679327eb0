import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { answerJson, answerQuery, isQuery } from '../aws/server.ts';
import type { AwsJsonService } from '../aws/service.ts';
import type { Sts } from '../aws/sts.ts';
import { signatureProblem } from './signature-v4.ts';

export interface SentMail {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** API Gateway's side of a WebSocket. */
export interface HeldConnection {
  send(text: string): void;
  close(): void;
}

/**
 * The AWS services other than DynamoDB that functions call, as far as they call them: SSM parameters, SES, API Gateway's
 * connections, and `others`. Every call's signature is checked, and what AWS would refuse is refused.
 */
export interface AwsServices {
  readonly endpoint: string;
  readonly parameters: Map<string, string>;
  readonly mails: SentMail[];
  readonly connections: Map<string, HeldConnection>;
  /** Refused calls: none in a test that passes. */
  readonly refused: string[];
  close(): void;
}

const MESSAGE_BYTES_MAX = 128 * 1024;

/** `denied` says why the caller's role doesn't allow an action, as `kms:Decrypt`. */
export async function awsServices(
  others: readonly AwsJsonService[] = [],
  denied: (accessKey: string, action: string) => string | undefined = () => undefined,
  tokens?: Sts,
): Promise<AwsServices> {
  const parameters = new Map<string, string>();
  const mails: SentMail[] = [];
  const connections = new Map<string, HeldConnection>();
  const refused: string[] = [];

  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => fail(response, 500, 'InternalFailure', String(error)));
  });

  function fail(response: ServerResponse, status: number, type: string, message: string): void {
    if (status !== 410 && !type.startsWith('Parameter')) refused.push(`${type}: ${message}`);
    response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type });
    response.end(JSON.stringify({ __type: type, message }));
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const target = String(request.headers['x-amz-target'] ?? '');
    const path = request.url ?? '/';
    const accessKey = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (tokens && isQuery(request)) {
      const refusal = denied(accessKey, 'sts:AssumeRole');
      if (refusal !== undefined) return fail(response, 403, 'AccessDenied', refusal);
      return answerQuery(tokens, body, request, response);
    }
    const other = others.find((one) => target.startsWith(`${one.target}.`));
    if (other) {
      const [, action = ''] = target.split('.');
      const wrong = signatureProblem(request, body, other.signedFor);
      if (wrong) return fail(response, 403, 'InvalidSignatureException', `${target}: ${wrong}`);
      const refusal = denied(accessKey, `${other.signedFor}:${action}`);
      if (refusal !== undefined) return fail(response, 400, 'AccessDeniedException', refusal);
      return answerJson(other, action, body, request, response);
    }
    const service = target.startsWith('AmazonSSM.') ? 'ssm' : path.startsWith('/v2/email/') ? 'ses' : 'execute-api';
    const problem = signatureProblem(request, body, service);
    if (problem) return fail(response, 403, 'InvalidSignatureException', `${request.method} ${path}: ${problem}`);
    if (service === 'ssm') return ssm(target, JSON.parse(body.toString('utf8')) as Parameter, response);
    if (service === 'ses') return ses(JSON.parse(body.toString('utf8')) as Email, response);
    return gateway(request.method ?? '', path, body, response);
  }

  interface Parameter {
    readonly Name: string;
    readonly Value?: string;
    readonly Type?: string;
    readonly WithDecryption?: boolean;
  }

  function ssm(target: string, { Name, Value, Type, WithDecryption }: Parameter, response: ServerResponse): void {
    if (target === 'AmazonSSM.PutParameter') {
      if (Type !== 'SecureString' || !Value) return fail(response, 400, 'ValidationException', 'not a SecureString');
      if (parameters.has(Name)) return fail(response, 400, 'ParameterAlreadyExists', Name);
      parameters.set(Name, Value);
      return answer(response, { Version: 1 });
    }
    const found = parameters.get(Name);
    if (found === undefined) return fail(response, 400, 'ParameterNotFound', Name);
    return answer(response, {
      Parameter: { Name, Type: 'SecureString', Value: WithDecryption ? found : 'encrypted', Version: 1 },
    });
  }

  interface Email {
    readonly FromEmailAddress: string;
    readonly Destination: { readonly ToAddresses: string[] };
    readonly Content: { readonly Simple: { readonly Body: { readonly Text: { readonly Data: string } } } };
  }

  function ses({ FromEmailAddress: from, Destination, Content }: Email, response: ServerResponse): void {
    mails.push({ from, to: Destination.ToAddresses[0] ?? '', text: Content.Simple.Body.Text.Data });
    answer(response, { MessageId: String(mails.length) });
  }

  function gateway(method: string, path: string, body: Buffer, response: ServerResponse): void {
    const id = decodeURIComponent(/^\/live\/@connections\/([^/?]+)$/.exec(path)?.[1] ?? '');
    if (!id) return fail(response, 403, 'ForbiddenException', path);
    const connection = connections.get(id);
    if (!connection) return fail(response, 410, 'GoneException', id);
    if (method === 'DELETE') {
      connection.close();
      response.writeHead(204).end();
      return;
    }
    if (body.length > MESSAGE_BYTES_MAX) return fail(response, 413, 'PayloadTooLargeException', id);
    connection.send(body.toString('utf8'));
    response.writeHead(200).end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    parameters,
    mails,
    connections,
    refused,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(value));
}
