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
/** Agents close what they don't use for a minute. Who takes nothing of what waits for it for that long is as good as gone, too. */
const SILENT_MS = 120_000;
/** A host needs one; its last may not have ended yet. Each may take memory. */
const PER_HOST_MAX = 2;

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
  /** By the host's key, the oldest first. */
  const ofHosts = new Map<string, Duplex[]>();
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

  function keep(keyId: string, socket: Duplex): void {
    sockets.add(socket);
    const ofHost = [...(ofHosts.get(keyId) ?? []), socket];
    ofHosts.set(keyId, ofHost);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = ofHosts.get(keyId)?.filter((other) => other !== socket) ?? [];
      if (left.length > 0) ofHosts.set(keyId, left);
      else ofHosts.delete(keyId);
    });
    for (const oldest of ofHost.slice(0, -PER_HOST_MAX)) oldest.destroy();
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
    keep(opener.keyId, socket);
    if (socket instanceof Socket) {
      socket.setNoDelay(true);
      // A host that went without a word is noticed.
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.setTimeout(SILENT_MS, () => socket.destroy());
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
