/** Requests and answers as a Lambda function URL has them (payload format 2.0, which API Gateway's HTTP API shares). */

export interface UrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: {
    readonly http: { readonly method: string };
    readonly requestId: string;
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** What Lambda says of an invocation. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

export interface UrlResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly cookies: string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** The request as the client made it: `host` is the one that it asked for, not the function's own. */
export function requestOf(event: UrlEvent, host: string, signal: AbortSignal): Request {
  const { method } = event.requestContext.http;
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers)) if (value !== undefined) headers.set(name, value);
  if (event.cookies?.length) headers.set('cookie', event.cookies.join('; '));
  headers.set('host', host);
  const query = event.rawQueryString ? `?${event.rawQueryString}` : '';
  const body = event.body === undefined ? undefined : Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8');
  const withBody = body !== undefined && method !== 'GET' && method !== 'HEAD';
  return new Request(`https://${host}${event.rawPath}${query}`, { method, headers, signal, ...(withBody ? { body } : {}) });
}

/** Status and headers, as both kinds of answers begin. */
export function headOf(response: Response): Pick<UrlResult, 'statusCode' | 'headers' | 'cookies'> {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'set-cookie'));
  return { statusCode: response.status, headers, cookies: response.headers.getSetCookie() };
}

/** The whole answer at once. Always base64: what is text and what isn't needs no guess then. */
export async function resultOf(response: Response): Promise<UrlResult> {
  const body = Buffer.from(await response.arrayBuffer());
  return { ...headOf(response), body: body.toString('base64'), isBase64Encoded: true };
}
