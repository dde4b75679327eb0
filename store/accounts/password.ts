import { type BinaryLike, randomBytes, scrypt as scryptCallback, type ScryptOptions, timingSafeEqual } from 'node:crypto';
import * as crypto from 'node:crypto';
import { promisify } from 'node:util';

const scrypt = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scryptCallback);

/** OWASP password storage: 19 MiB, 2 passes; where node:crypto lacks argon2 (Node < 24.7), scrypt of the same strength in 32 MiB. */
export interface PasswordCosts {
  readonly argon2id: { readonly memoryKib: number; readonly passes: number; readonly parallelism: number };
  readonly scrypt: { readonly logN: number; readonly r: number; readonly p: number };
}

export const PASSWORD_COSTS: PasswordCosts = {
  argon2id: { memoryKib: 19_456, passes: 2, parallelism: 1 },
  scrypt: { logN: 15, r: 8, p: 3 },
};

type Argon2 = (
  algorithm: 'argon2id',
  parameters: { message: string; nonce: Uint8Array; parallelism: number; tagLength: number; memory: number; passes: number },
  callback: (error: Error | null, key: Buffer) => void,
) => void;

const argon2 = (crypto as { argon2?: Argon2 }).argon2;

/** Only so many at once: each takes tens of MiB and a core. */
const PARALLEL_MAX = 2;

const KEY_BYTES = 32;

/** Slow hashes in the PHC string format, e.g. `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. */
export class Passwords {
  readonly #costs: PasswordCosts;
  readonly #deriveKey: DeriveKey;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #decoy: Promise<string> | undefined;

  /** `derive` is for tests that count. */
  constructor(costs: PasswordCosts = PASSWORD_COSTS, derive: DeriveKey = deriveKey) {
    this.#costs = costs;
    this.#deriveKey = derive;
  }

  /** What a new hash starts with. */
  get #prefix(): string {
    const { argon2id: a, scrypt: s } = this.#costs;
    if (argon2) return `$argon2id$v=19$m=${a.memoryKib},t=${a.passes},p=${a.parallelism}$`;
    return `$scrypt$ln=${s.logN},r=${s.r},p=${s.p}$`;
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await this.#derive(this.#prefix, password, salt);
    return `${this.#prefix}${encode(salt)}$${encode(key)}`;
  }

  /** Undefined (no such user) takes as long as a wrong password does, and is one. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    this.#decoy ??= this.hash(encode(randomBytes(32)));
    const phc = stored ?? (await this.#decoy);
    const cut = phc.lastIndexOf('$', phc.lastIndexOf('$') - 1);
    const [salt = '', expected = ''] = phc.slice(cut + 1).split('$');
    const key = await this.#derive(phc.slice(0, cut + 1), password, Buffer.from(salt, 'base64'));
    const wanted = Buffer.from(expected, 'base64');
    return wanted.length === key.length && timingSafeEqual(wanted, key) && stored !== undefined;
  }

  /** Made with other costs or another algorithm than today's: hash again while the password is at hand. */
  outdated(stored: string): boolean {
    return !stored.startsWith(this.#prefix);
  }

  async #derive(prefix: string, password: string, salt: Uint8Array): Promise<Buffer> {
    if (this.#running >= PARALLEL_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#deriveKey(prefix, password.normalize('NFKC'), salt);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/** The prefix of a PHC string says how. */
export type DeriveKey = (prefix: string, password: string, salt: Uint8Array) => Promise<Buffer>;

export async function deriveKey(prefix: string, password: string, salt: Uint8Array): Promise<Buffer> {
  const [, algorithm, ...rest] = prefix.split('$');
  const costs = Object.fromEntries(
    rest
      .join(',')
      .split(',')
      .map((part) => part.split('=')),
  ) as Record<string, string>;
  const cost = (name: string) => Number(costs[name]);
  if (algorithm === 'scrypt') {
    const N = 2 ** cost('ln');
    return scrypt(password, salt, KEY_BYTES, { N, r: cost('r'), p: cost('p'), maxmem: 256 * N * cost('r') });
  }
  if (algorithm !== 'argon2id') throw new Error(`${algorithm} is no way of ours to keep passwords`);
  if (!argon2) return argon2InWasm(password, salt, { parallelism: cost('p'), memorySize: cost('m'), iterations: cost('t') });
  const parameters = {
    message: password,
    nonce: salt,
    parallelism: cost('p'),
    tagLength: KEY_BYTES,
    memory: cost('m'),
    passes: cost('t'),
  };
  return new Promise((resolve, reject) => argon2('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(key))));
}

/**
 * For a hash that a newer Node wrote: data directories move between machines. In WebAssembly and on this thread, so it isn't used for
 * new hashes; the next log-in replaces the old one.
 */
async function argon2InWasm(
  password: string,
  salt: Uint8Array,
  costs: { readonly parallelism: number; readonly memorySize: number; readonly iterations: number },
): Promise<Buffer> {
  const { argon2id } = await import('hash-wasm');
  return Buffer.from(await argon2id({ password, salt, ...costs, hashLength: KEY_BYTES, outputType: 'binary' }));
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
