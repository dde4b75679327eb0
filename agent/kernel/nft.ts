import { spawn } from 'node:child_process';

/** nft(8) as two functions. */
export interface Nft {
  /** Applies a script as one transaction. Throws NftError. */
  apply(script: string): Promise<void>;
  /** The table as nft's JSON; undefined if there is none. Throws NftError. */
  list(family: string, table: string): Promise<unknown>;
}

/** nft is missing, may not, or refused; `message` is its own first line. */
export class NftError extends Error {
  override readonly name = 'NftError';
  readonly missing: boolean;

  constructor(message: string, missing = false) {
    super(message);
    this.missing = missing;
  }
}

const TIMEOUT_MS = 30_000;
const NO_SUCH_TABLE = /No such file or directory/;

/** `prefix` runs it elsewhere, e.g. `['nsenter', '--net=/run/netns/h1']`. */
export function hostNft(prefix: readonly string[] = []): Nft {
  const run = (args: readonly string[], input?: string) => runNft([...prefix, 'nft', ...args], input);
  return {
    async apply(script) {
      await run(['-f', '-'], script);
    },
    async list(family, table) {
      try {
        return JSON.parse(await run(['-j', 'list', 'table', family, table])) as unknown;
      } catch (error) {
        if (error instanceof NftError && NO_SUCH_TABLE.test(error.message)) return undefined;
        throw error;
      }
    },
  };
}

function runNft([command, ...args]: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      reject(new NftError(missing ? 'nft is not installed' : error.message, missing));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const [first = ''] = Buffer.concat(err).toString().split('\n');
      reject(new NftError(first || `nft ended with ${signal ?? code}`));
    });
    // It may have ended before it read everything: its own error tells more than EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
