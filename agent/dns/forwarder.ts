import { randomInt } from 'node:crypto';
import { optRecord, payloadMaxOf } from './encode-answer.ts';
import { exchangeTcp, exchangeUdp, type Transport } from './exchange.ts';
import type { Query } from './query.ts';
import { NXDOMAIN, questionKey, readReply, type Reply, replyFor } from './reply.ts';
import { ReplyCache } from './reply-cache.ts';

export interface ForwarderOptions {
  /** Addresses of the name servers of the outside, the preferred one first. Never our own. */
  readonly servers: () => readonly string[];
  readonly port?: number;
  /** ms that only go forward. */
  readonly elapsed: () => number;
  readonly signal: AbortSignal;
}

/** Passes questions on to the name servers of the outside, and remembers what they said. */
export interface Forwarder {
  /** The message for this client. Rejects when no server answers. */
  forward(query: Query, transport: Transport): Promise<Buffer>;
  /** The whole answer, by whatever transport that takes. */
  ask(query: Query): Promise<Reply>;
  facts(): ForwarderFacts;
}

export interface ForwarderFacts {
  readonly cached: number;
  /** Questions that were passed on. */
  readonly forwarded: number;
  /** Those of them that no server answered. */
  readonly unanswered: number;
}

/** A server has that long; then the next one is asked, and at the end the first one again, ms. */
const ATTEMPT_MS = 1_200;
const ATTEMPTS = 3;
/** One that failed is asked last for so long, ms. */
const SHUNNED_MS = 10_000;
/** Questions under way at once. */
const UNDER_WAY_MAX = 1_000;
const MESSAGE_MAX = 65_535;

export function forwarder({ servers, port = 53, elapsed, signal }: ForwarderOptions): Forwarder {
  const cache = new ReplyCache(elapsed);
  const underWay = new Map<string, Promise<Reply>>();
  const failedAt = new Map<string, number>();
  const counts = { forwarded: 0, unanswered: 0 };

  function ordered(): string[] {
    const known = servers();
    for (const server of failedAt.keys()) if (!known.includes(server)) failedAt.delete(server);
    const shunned = (server: string) => elapsed() - (failedAt.get(server) ?? Number.NEGATIVE_INFINITY) < SHUNNED_MS;
    return [...known.filter((server) => !shunned(server)), ...known.filter(shunned)];
  }

  async function exchange(query: Query, transport: Transport): Promise<Reply> {
    const list = ordered();
    if (list.length === 0) throw new Error('there is no name server to ask: /etc/resolv.conf names none');
    let refused: Reply | undefined;
    let problem: unknown;
    const attempts = Math.max(ATTEMPTS, list.length);
    for (let attempt = 0; attempt < attempts && !signal.aborted; attempt++) {
      const server = list[attempt % list.length]!;
      try {
        const reply = await once(query, transport, server);
        if (reply.rcode === 0 || reply.rcode === NXDOMAIN) {
          failedAt.delete(server);
          return reply;
        }
        // It can't say: perhaps another one can. Nobody is asked twice for that.
        refused = reply;
        if (attempt + 1 >= list.length) return reply;
      } catch (error) {
        problem = error;
        failedAt.set(server, elapsed());
      }
    }
    if (refused) return refused;
    throw problem instanceof Error ? problem : new Error('no name server answered');
  }

  function once(query: Query, transport: Transport, server: string): Promise<Reply> {
    const id = randomInt(0x10000);
    const message = queryMessage(query, id);
    const accept = (reply: Buffer) => readReply(reply, id, query.asked);
    const options = { server, port, timeoutMs: ATTEMPT_MS, signal };
    return transport === 'udp' ? exchangeUdp(message, accept, options) : exchangeTcp(message, accept, options);
  }

  /** The same question is asked once at a time: that is all that a server which asks us in turn can make of it. */
  async function shared(query: Query, transport: Transport): Promise<{ readonly reply: Reply; readonly age: number }> {
    const key = keyOf(query, transport);
    const known = cache.get(key);
    if (known) return known;
    let asking = underWay.get(key);
    if (!asking) {
      if (underWay.size >= UNDER_WAY_MAX) throw new Error('too many questions are under way');
      counts.forwarded++;
      asking = exchange(query, transport);
      underWay.set(key, asking);
      asking
        .then(
          (reply) => cache.put(key, reply),
          () => void counts.unanswered++,
        )
        .finally(() => underWay.delete(key));
    }
    return { reply: await asking, age: 0 };
  }

  return {
    async forward(query, transport) {
      const { reply, age } = await shared(query, transport);
      return replyFor(query, reply, age, transport === 'udp' ? payloadMaxOf(query) : MESSAGE_MAX);
    },
    async ask(query) {
      const { reply } = await shared(query, 'udp');
      return reply.truncated ? (await shared(query, 'tcp')).reply : reply;
    },
    facts: () => ({ ...counts, cached: cache.size }),
  };
}

function keyOf({ asked, edns, recursionDesired }: Query, transport: Transport): string {
  const way = `${transport}${recursionDesired ? 'r' : ''}${edns ? (edns.dnssecOk ? 'd' : 'e') : ''}`;
  return `${way} ${questionKey(asked)}`;
}

/** Only what was asked: nothing else of a client's message leaves the host. */
function queryMessage({ asked, edns, recursionDesired }: Query, id: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(recursionDesired ? 0x0100 : 0, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns ? 1 : 0, 10);
  return Buffer.concat([header, asked, ...(edns ? [optRecord(edns.dnssecOk)] : [])]);
}
