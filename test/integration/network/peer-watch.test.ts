import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { type PeerWatch, watchPeers } from '../../../agent/network/peer-watch.ts';
import type { AssignedNetwork } from '../../../core/network/assigned-network.ts';
import { eventually } from '../../support/eventually.ts';

/** A host that watches another, on the loopback: the port is one that only root may have. */

const SUBNET = '127.99.7.0/24';
const GATEWAY = '127.99.7.1';
const PORT = 9;

const network = {
  network: '127.99.0.0/16',
  subnet: '127.99.6.0/24',
  peers: [{ node: 'peer', subnet: SUBNET, address: '127.0.0.1', mtu: 1500, vtepMac: '' }],
} as unknown as AssignedNetwork;

/** Longer than any test: what happens in it happens for another reason than that a round is over. */
const HOUR_MS = 3_600_000;

const mayListen = process.getuid?.() === 0;
if (!mayListen) console.warn('skipped the watch of peers on real sockets: its port is for root');

(mayListen ? test : test.skip)(
  'who has not answered is asked from a new socket each time, as one is bound to the address that the host had; who answers, from the same',
  async () => {
    const watch = new AbortController();
    const peer: Socket = createSocket('udp4');
    const asked: number[] = [];
    let answers = false;
    peer.on('message', (_, { port, address }) => {
      asked.push(port);
      if (answers) peer.send('!', port, address);
    });
    peer.bind(PORT, GATEWAY);
    await once(peer, 'listening');
    let watched: PeerWatch | undefined;
    try {
      watched = watchPeers({
        nodeName: 'self',
        assigned: () => network,
        noticeMs: () => 1,
        serverTime: () => 1_000,
        signal: watch.signal,
        onChange: () => undefined,
      });
      const rounds = (many: number) => eventually('rounds', async () => expect(asked.length).toBeGreaterThanOrEqual(many));
      await rounds(2);
      expect(new Set(asked).size).toBe(asked.length);
      answers = true;
      await eventually('it is asked from one socket', () => {
        expect(asked.length).toBeGreaterThanOrEqual(3);
        expect(new Set(asked.slice(-3)).size).toBe(1);
      });
      expect(watched?.suspicions()).toEqual([]);
      answers = false;
      await eventually(
        'it is suspected',
        async () => expect(watched?.suspicions()).toMatchObject([{ node: 'peer', since: 1_000 }]),
        {
          timeoutMs: 30_000,
        },
      );
    } finally {
      watch.abort();
      peer.close();
    }
  },
  60_000,
);

(mayListen ? test : test.skip)(
  'a new peer is asked at once and again until it answers, not only in the next round: lost before, nobody would miss it; and another time to notice is taken at once',
  async () => {
    const watch = new AbortController();
    const peer: Socket = createSocket('udp4');
    let asked = 0;
    peer.on('message', (_, { port, address }) => {
      // The way there is made in these moments: the first ones get lost.
      if (++asked > 2) peer.send('!', port, address);
    });
    peer.bind(PORT, GATEWAY);
    await once(peer, 'listening');
    try {
      let assigned: AssignedNetwork | undefined;
      let noticeMs = HOUR_MS;
      const watched = watchPeers({
        nodeName: 'self',
        assigned: () => assigned,
        noticeMs: () => noticeMs,
        serverTime: () => 1_000,
        signal: watch.signal,
        onChange: () => undefined,
      });
      assigned = network;
      watched.check();
      await eventually('it is asked until it answers', () => expect(asked).toBeGreaterThanOrEqual(3));
      noticeMs = 1;
      watched.check();
      await eventually('that it answered counts', () => expect(watched.answering()).toEqual(new Map([['peer', true]])));
    } finally {
      watch.abort();
      peer.close();
    }
  },
  60_000,
);
