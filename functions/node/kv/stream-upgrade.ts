import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorEnvelope, TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Sequence } from '../../../core/keyspace/types.ts';
import { KV_STREAM_PROTOCOL } from '../../../core/node/kv-stream.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import { refuseUpgrade, requestOf, type UpgradeHandler } from '../../push/upgrades.ts';
import { SERVER_TIME_HEADER, type SigningHost, verifyHost } from '../host-auth.ts';
import { type KvAnswersDeps, kvAnswers } from './answers.ts';
import type { AnswersUnderWay } from './answers-under-way.ts';
import { Openings } from './openings.ts';
import { serveKvStream } from './stream.ts';

const KEEP_ALIVE_MS = 30_000;

export interface KvStreamsDeps extends KvAnswersDeps {
  readonly accounts: Pick<Accounts, 'hostOfKey' | 'countRequest'>;
  readonly clock: Clock;
  readonly underWay: AnswersUnderWay;
  readonly hint: (host: HostPrincipal, sequence: Sequence) => void;
  readonly onError: (error: unknown) => void;
}

/** Hosts' kept connections for what they ask of the key-value store (core/node/kv-stream.ts), on a server of our own. */
export function kvStreams(deps: KvStreamsDeps): { readonly upgrade: UpgradeHandler; close(): void } {
  const { accounts, clock } = deps;
  const answers = kvAnswers(deps);
  const openings = new Openings(clock);
  const sockets = new Set<Duplex>();
  let closed = false;

  async function opened(request: IncomingMessage): Promise<SigningHost> {
    const host = await verifyHost(deps, requestOf(request), undefined);
    if (request.headers.upgrade?.toLowerCase() !== KV_STREAM_PROTOCOL) {
      throw new TerraneError('invalid_request', `Upgrade to ${KV_STREAM_PROTOCOL}, or ask by HTTP requests.`);
    }
    openings.admit(host.keyId, host.nonce, host.signedAt);
    return host;
  }

  /** Still? */
  async function hostOf(opener: SigningHost): Promise<HostPrincipal> {
    const known = await accounts.hostOfKey(opener.keyId);
    if (!known) throw new TerraneError('host_unknown');
    if (known.status === 'revoked') throw new TerraneError('host_revoked');
    accounts.countRequest(opener.tenant, 'node');
    return known.host;
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    let opener: SigningHost;
    try {
      if (closed) throw new TerraneError('unavailable', undefined, { retryAfter: 1 });
      opener = await opened(request);
    } catch (error) {
      if (!(error instanceof TerraneError)) throw error;
      const headers = { [SERVER_TIME_HEADER]: String(clock.now()) };
      return refuseUpgrade(socket, Response.json(errorEnvelope(error, '-'), { status: error.status, headers }));
    }
    if (socket.destroyed || closed) return void socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (socket instanceof Socket) {
      socket.setNoDelay(true);
      // A host that went without a word is noticed.
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${KV_STREAM_PROTOCOL}\r\n\r\n`);
    const { underWay, hint, onError } = deps;
    serveKvStream({ socket, answers, underWay, hint, onError, host: () => hostOf(opener) });
    if (head.length > 0) socket.unshift(head);
  }

  return {
    upgrade,
    /** What is under way is sent again by who asked. */
    close() {
      closed = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}
