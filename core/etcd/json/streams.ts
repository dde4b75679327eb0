import { leaderJson, leaderRequest } from './contend.ts';
import type { Identity } from '../identity.ts';
import type { EtcdCaller, EtcdService, WatchRequest } from '../service.ts';
import { headerJson, type JsonObject, number } from './answers.ts';
import { leaseRequest, watchRequest } from './requests.ts';
import { watchJson } from './watch-answer.ts';

/** One path of the gateway that answers messages, sent as one body, with a stream of messages. */
export interface Streaming {
  /** Throws EtcdError for a bad body at once, before the stream begins. */
  open(service: EtcdService, identity: Identity, messages: readonly unknown[], caller: EtcdCaller): AsyncGenerator<JsonObject>;
}

/** By path; all of them are POST. */
export const STREAMING: Readonly<Record<string, Streaming>> = {
  /** Ends when no watch is left: whoever only cancelled, or whose watches were all compacted away, has nothing to wait for. */
  '/v3/watch': {
    open(service, identity, messages, caller) {
      const requests = messages.map((json) => watchRequestOf(json)).filter((each) => each !== undefined);
      return watchLines(service, identity, requests, caller);
    },
  },
  '/v3/lease/keepalive': {
    open(service, identity, messages, caller) {
      const requests = messages.map((json) => leaseRequest.read(json));
      return (async function* () {
        for (const request of requests) {
          const { revision, id, ttl } = await service.call('LeaseKeepAlive', request, caller);
          yield { header: headerJson(identity, revision), ID: number(id), TTL: number(ttl) };
        }
      })();
    },
  },
  '/v3/election/observe': {
    open(service, identity, messages, caller) {
      const { name } = leaderRequest.read(messages[0]);
      return (async function* () {
        for await (const { revision, kv } of service.observe(name, caller)) {
          yield { header: headerJson(identity, revision), ...leaderJson({ kv }) };
        }
      })();
    },
  },
  '/v3/maintenance/snapshot': {
    open(service, _identity, _messages, caller) {
      return (async function* () {
        for await (const { blob, remainingBytes } of service.snapshot(caller)) {
          yield { remaining_bytes: number(remainingBytes), blob: Buffer.from(blob).toString('base64') };
        }
      })();
    },
  },
};

async function* watchLines(service: EtcdService, identity: Identity, requests: readonly WatchRequest[], caller: EtcdCaller) {
  const session = service.watch(caller);
  try {
    for (const request of requests) session.send(request);
    session.end();
    for await (const answer of session.answers) yield watchJson(identity, answer);
  } finally {
    session.close();
  }
}

function watchRequestOf(json: unknown): WatchRequest | undefined {
  const { createRequest, cancelRequest, progressRequest } = watchRequest.read(json);
  if (createRequest) return { type: 'create', request: createRequest };
  if (cancelRequest) return { type: 'cancel', watchId: cancelRequest.watchId };
  return progressRequest && { type: 'progress' };
}
