import type { StreamRelay, StreamSink } from '../../core/ports/stream-relay.ts';

/**
 * Streams from hosts (container logs) need a meeting place of the reader's Lambda and the host's, which the hosted service doesn't have
 * yet: readers get a clear answer, and hosts are told that nobody waits.
 */
export const noRelay: StreamRelay & StreamSink = {
  async request() {
    return {
      ok: false,
      status: 501,
      message:
        'the hosted service can not show container output yet: read it on the node (docker logs), or use an embedded control plane',
    };
  },
  async accept() {
    return false;
  },
};
