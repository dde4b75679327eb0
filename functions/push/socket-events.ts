/** Events and answers as API Gateway's WebSocket APIs have them. */
export interface SocketEvent {
  readonly requestContext: {
    readonly routeKey: '$connect' | '$disconnect' | '$default';
    readonly connectionId: string;
  };
  /** Of the upgrade request, in $connect only. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface SocketResult {
  readonly statusCode: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Where hosts connect to; CloudFront puts the stage's path in its place, so the event doesn't say. */
const PATH = '/node/v1/push';

/** The upgrade request as the host signed it. */
export function upgradeRequest({ headers = {} }: SocketEvent, host: string): Request {
  const own = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  const sent = new Headers(own);
  sent.set('host', host);
  return new Request(`https://${host}${PATH}`, { headers: sent });
}

export async function socketResult(response: Response): Promise<SocketResult> {
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
