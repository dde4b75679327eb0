/** Output of a container without a terminal: frames `[stream, 0, 0, 0, length (4, big endian)]` + bytes. */
export type OutputStream = 'stdout' | 'stderr';

const HEADER = 8;

/**
 * A decoder that takes chunks as they come, cut anywhere, and hands on each frame's bytes. It keeps at most one header
 * and passes parts of a frame on at once, so that a huge line costs no memory.
 */
export function demultiplexer(onData: (stream: OutputStream, bytes: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(HEADER);
  let headerFilled = 0;
  let left = 0;
  let stream: OutputStream = 'stdout';
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const taken = chunk.copy(header, headerFilled, at, at + HEADER - headerFilled);
        headerFilled += taken;
        at += taken;
        if (headerFilled < HEADER) return;
        headerFilled = 0;
        stream = header[0] === 2 ? 'stderr' : 'stdout';
        left = header.readUInt32BE(4);
      } else {
        const part = chunk.subarray(at, at + left);
        at += part.length;
        left -= part.length;
        onData(stream, part);
      }
    }
  };
}
