import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { OfferedFile } from '../../core/updates/omaha/parse-response.ts';
import { CliError } from '../errors.ts';

export type VerifiedFile = OfferedFile & { readonly sha256: string };

/** Fetches a file from the first folder that has it. What isn't exactly the file that was offered is refused, and left where it is. */
export async function download(codebases: readonly string[], file: VerifiedFile, to: string): Promise<void> {
  const reasons: string[] = [];
  for (const codebase of codebases) {
    const url = new URL(file.name, codebase.endsWith('/') ? codebase : `${codebase}/`);
    try {
      const response = await fetch(url);
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      await pipeline(
        Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
        verified(file),
        createWriteStream(to),
      );
      return;
    } catch (error) {
      reasons.push(`${url.origin}${url.pathname}: ${(error as Error).message}`);
    }
  }
  throw new CliError(`${file.name} was not copied: ${reasons.join('; ') || 'the server names no place to fetch it from'}`, {
    code: 'not_verified',
    fix: 'Nothing was changed. Try again; if the sums differ again, somebody between you and the upstream server changes files.',
  });
}

function verified({ size, sha256, sha1 }: VerifiedFile): Transform {
  const [own256, own1] = [createHash('sha256'), createHash('sha1')];
  let seen = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length;
      own256.update(chunk);
      own1.update(chunk);
      if (seen > size) done(new Error(`it has more than the ${size} bytes that were offered`));
      else done(null, chunk);
    },
    flush(done) {
      if (seen !== size) done(new Error(`it has ${seen} bytes, ${size} were offered`));
      else if (own256.digest('hex') !== sha256) done(new Error('its SHA-256 is not the one that was offered'));
      else if (sha1 !== undefined && own1.digest('hex') !== sha1) done(new Error('its SHA-1 is not the one that was offered'));
      else done();
    },
  });
}
