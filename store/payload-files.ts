import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Payload, PayloadRefusedError, type Payloads } from '../core/ports/payloads.ts';

/** What is half written has this ending. */
const PART = '.part';
/** An upload that takes longer was given up. */
const PART_MS = 6 * 3_600_000;

/** Payloads as files below a directory, `<tenant>/<cluster>/<sha256>`: for the embedded server, which serves them itself. */
export function payloadFiles(directory: string): Payloads {
  const folder = (tenant: string, cluster: string) => join(directory, tenant, cluster);
  const fileOf = ({ tenant, cluster, sha256 }: Payload) => join(folder(tenant, cluster), sha256);
  const has = async (payload: Payload) => (await sizeOf(fileOf(payload))) === payload.size;
  return {
    has,
    uploadTo: () => Promise.resolve(undefined),
    async put(payload, bytes) {
      const file = fileOf(payload);
      await mkdir(folder(payload.tenant, payload.cluster), { recursive: true, mode: 0o700 });
      const part = `${file}.${randomUUID()}${PART}`;
      // Opened first: a stream that fails before it has opened its file may still make it afterwards.
      const handle = await open(part, 'wx', 0o600);
      try {
        await pipeline(
          Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0]),
          verified(payload),
          // On the disk before it has its name.
          handle.createWriteStream({ flush: true }),
        );
        await rename(part, file);
      } finally {
        await rm(part, { force: true });
      }
    },
    async open(payload) {
      if (!(await has(payload))) return undefined;
      return {
        type: 'bytes',
        read: (start, end) =>
          Readable.toWeb(createReadStream(fileOf(payload), { start, end })) as unknown as ReadableStream<Uint8Array>,
      };
    },
    async keepOnly(tenant, cluster, sha256s) {
      const at = folder(tenant, cluster);
      for (const name of await readdir(at).catch(() => [])) {
        const file = join(at, name);
        const goes = name.endsWith(PART) ? await isOld(file) : !sha256s.has(name);
        if (goes) await rm(file, { force: true });
      }
    },
  };
}

/** Passes bytes on as long as they can be the payload; fails at the end if they weren't. */
function verified({ size, sha256 }: Payload): Transform {
  const hash = createHash('sha256');
  let seen = 0;
  const tooMany = () => new PayloadRefusedError(`the file has more than the ${size} bytes that the package says`);
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length;
      hash.update(chunk);
      if (seen > size) done(tooMany());
      else done(null, chunk);
    },
    flush(done) {
      if (seen !== size) done(new PayloadRefusedError(`the file has ${seen} bytes, the package says ${size}`));
      else if (hash.digest('hex') !== sha256)
        done(new PayloadRefusedError('the sum of the file is not the one that the package says'));
      else done();
    },
  });
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isOld(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return Date.now() - mtimeMs > PART_MS;
}
