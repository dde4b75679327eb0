/** `wg show DEVICE dump` (wg(8)): the device's line, then one for each peer, fields separated by tabs. */
export interface WireguardDump {
  readonly publicKey: string;
  readonly port: number;
  readonly peers: ReadonlyMap<string, DumpedPeer>;
}

export interface DumpedPeer {
  readonly publicKey: string;
  /** ADDRESS:PORT where its packets last came from, or where it is sought. */
  readonly endpoint?: string;
  readonly allowedIps: readonly string[];
  /** Of the last handshake, ms since the epoch; 0: never. */
  readonly handshakeAt: number;
  readonly keepaliveSeconds: number;
}

export function readWireguardDump(text: string): WireguardDump {
  const [device = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const [, publicKey = '', port = '0'] = device.split('\t');
  const peers = lines.map((line): DumpedPeer => {
    const [key = '', , endpoint = '(none)', allowed = '(none)', handshake = '0', , , keepalive = 'off'] = line.split('\t');
    return {
      publicKey: key,
      ...(endpoint !== '(none)' && { endpoint }),
      allowedIps: allowed === '(none)' ? [] : allowed.split(','),
      handshakeAt: Number(handshake) * 1000,
      keepaliveSeconds: keepalive === 'off' ? 0 : Number(keepalive),
    };
  });
  return { publicKey, port: Number(port), peers: new Map(peers.map((peer) => [peer.publicKey, peer])) };
}
