import type { Call } from './call.ts';

/**
 * A method of a service, free of HTTP/2. Answers are encoded messages with their prefix of five bytes, which may be used again when
 * `reply` or `send` has returned (what `send` returns says when to go on). `decode` gets bytes that are only valid during the call.
 * Both may throw.
 */
export type Method<Request = never> =
  | {
      readonly type: 'unary';
      readonly decode: (bytes: Buffer) => Request;
      /** `reply` is called once; it has copied the answer when it returns. */
      readonly handle: (request: Request, call: Call, reply: (message: Uint8Array) => void) => Promise<void>;
    }
  | {
      /** One request, one answer, passed on as they are. */
      readonly type: 'relay';
      /**
       * The bytes don't change any more. `done` is called once: with the answer, which it has copied when it returns, or with undefined and what is
       * wrong.
       */
      readonly relay: (bytes: Buffer, call: Call, done: RelayDone) => void;
    }
  | {
      /** One request, many answers. */
      readonly type: 'serverStream';
      readonly decode: (bytes: Buffer) => Request;
      readonly handle: (request: Request, call: Call, send: Send) => Promise<void>;
    }
  | {
      readonly type: 'bidi';
      readonly decode: (bytes: Buffer) => Request;
      readonly handle: (requests: AsyncIterableIterator<Request>, call: Call, send: Send) => Promise<void>;
    };

/** Resolves when the client has taken enough for the next one. */
export type Send = (message: Uint8Array) => Promise<void>;

type RelayDone = (error: unknown, message: Uint8Array | undefined) => void;

/** By path: `/package.Service/Method`. */
export type Methods = ReadonlyMap<string, Method>;

export function unary<Request>(method: Omit<Extract<Method<Request>, { type: 'unary' }>, 'type'>): Method {
  return { type: 'unary', ...method } as unknown as Method;
}

export function relay(method: Omit<Extract<Method, { type: 'relay' }>, 'type'>): Method {
  return { type: 'relay', ...method };
}

export function serverStream<Request>(method: Omit<Extract<Method<Request>, { type: 'serverStream' }>, 'type'>): Method {
  return { type: 'serverStream', ...method } as unknown as Method;
}

export function bidi<Request>(method: Omit<Extract<Method<Request>, { type: 'bidi' }>, 'type'>): Method {
  return { type: 'bidi', ...method } as unknown as Method;
}
