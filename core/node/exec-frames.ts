/**
 * Output of a command as one stream of bytes: frames of a channel (1 byte: 1 = standard output, 2 = standard error, 3 = the end), a length (4 bytes, big
 * endian) and so many bytes. The end is JSON, and comes last: a stream without it broke off.
 */
export interface ExecEnd {
  /** 128 + the signal for a command that was ended by one, as shells have it. */
  readonly exitCode: number;
  /** Why it could not be run, as a sentence. */
  readonly error?: string;
}

export type ExecFrame =
  | { readonly channel: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  | { readonly channel: 'end'; readonly end: ExecEnd };

const CHANNELS = ['', 'stdout', 'stderr', 'end'] as const;
const HEAD_BYTES = 5;
/** No sender makes longer ones: a length above this is no frame of ours. */
const MOST_BYTES = 16 * 1024 * 1024;

export function execOutput(channel: 'stdout' | 'stderr', bytes: Uint8Array): Uint8Array {
  return frame(CHANNELS.indexOf(channel), bytes);
}

export function execEnd(end: ExecEnd): Uint8Array {
  return frame(3, new TextEncoder().encode(JSON.stringify(end)));
}

function frame(channel: number, bytes: Uint8Array): Uint8Array {
  const made = new Uint8Array(HEAD_BYTES + bytes.length);
  made[0] = channel;
  new DataView(made.buffer).setUint32(1, bytes.length);
  made.set(bytes, HEAD_BYTES);
  return made;
}

/** Takes the stream's bytes as they come, however they are cut, and gives the frames that are complete. Throws on what is none. */
export function execFrameReader(): (chunk: Uint8Array) => ExecFrame[] {
  let rest = new Uint8Array(0);
  return (chunk) => {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const frames: ExecFrame[] = [];
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const channel = CHANNELS[bytes[at]!];
      const length = new DataView(bytes.buffer, at + 1).getUint32(0);
      if (!channel || length > MOST_BYTES) throw new Error('the output of the command is no stream of frames');
      if (bytes.length - at < HEAD_BYTES + length) break;
      const body = bytes.slice(at + HEAD_BYTES, at + HEAD_BYTES + length);
      frames.push(channel === 'end' ? { channel, end: endOf(body) } : { channel, bytes: body });
      at += HEAD_BYTES + length;
    }
    rest = bytes.slice(at);
    return frames;
  };
}

function endOf(body: Uint8Array): ExecEnd {
  const { exitCode, error } = JSON.parse(new TextDecoder().decode(body)) as Partial<ExecEnd>;
  return { exitCode: typeof exitCode === 'number' ? exitCode : 255, ...(typeof error === 'string' && { error }) };
}
