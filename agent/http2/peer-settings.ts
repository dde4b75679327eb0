import {
  ConnectionError,
  DEFAULT_FRAME_BYTES_MAX,
  DEFAULT_WINDOW_BYTES,
  ERROR,
  FRAME_BYTES_LIMIT,
  SETTING,
  WINDOW_MAX,
} from './protocol.ts';

/** What the client allows us (RFC 9113, 6.5.2). The size of its header table doesn't matter, as we use none. */
export class PeerSettings {
  initialWindow = DEFAULT_WINDOW_BYTES;
  frameBytesMax = DEFAULT_FRAME_BYTES_MAX;

  /** Throws ConnectionError. */
  apply(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) this.#one(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  }

  #one(setting: number, value: number): void {
    if (setting === SETTING.enablePush && value > 1) throw new ConnectionError(ERROR.protocol, 'ENABLE_PUSH is 0 or 1');
    if (setting === SETTING.initialWindowSize) {
      if (value > WINDOW_MAX) throw new ConnectionError(ERROR.flowControl, 'INITIAL_WINDOW_SIZE is larger than 2^31-1');
      this.initialWindow = value;
    }
    if (setting === SETTING.maxFrameSize) {
      if (value < DEFAULT_FRAME_BYTES_MAX || value > FRAME_BYTES_LIMIT) {
        throw new ConnectionError(ERROR.protocol, 'MAX_FRAME_SIZE is out of range');
      }
      this.frameBytesMax = value;
    }
  }
}
