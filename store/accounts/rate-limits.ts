import { createHash } from 'node:crypto';
import { type BucketSize, bucketBounds, bucketWait } from '../../core/accounts/token-bucket.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { type AccountsStore, ONLY } from './accounts-store.ts';
import type { KeyedItems } from './table.ts';

export interface RateLimits {
  readonly signupPerIp: BucketSize;
  readonly loginPerAccountAndIp: BucketSize;
  readonly loginPerIp: BucketSize;
  readonly joinPerIp: BucketSize;
  readonly joinPerTenant: BucketSize;
  /** Mails that a person can make us send. */
  readonly mailPerUser: BucketSize;
  readonly resetPerIp: BucketSize;
  readonly resetPerAccount: BucketSize;
  readonly devicePerIp: BucketSize;
  /** Guesses of user codes: 8 characters of 20 can't be found in this many. */
  readonly userCodePerUser: BucketSize;
  /** Update tokens that a process doesn't know yet. It counts by itself: a bucket in the store would cost more than the look-up. */
  readonly updateTokenPerIp: BucketSize;
}

export const RATE_LIMITS: RateLimits = {
  signupPerIp: { burst: 20, refillMs: 60_000 },
  loginPerAccountAndIp: { burst: 10, refillMs: 20_000 },
  loginPerIp: { burst: 100, refillMs: 2_000 },
  joinPerIp: { burst: 100, refillMs: 1_000 },
  joinPerTenant: { burst: 200, refillMs: 500 },
  mailPerUser: { burst: 5, refillMs: 600_000 },
  resetPerIp: { burst: 20, refillMs: 60_000 },
  resetPerAccount: { burst: 3, refillMs: 600_000 },
  devicePerIp: { burst: 20, refillMs: 30_000 },
  userCodePerUser: { burst: 10, refillMs: 60_000 },
  updateTokenPerIp: { burst: 100, refillMs: 1_000 },
};

const ATTEMPTS_MAX = 10;

type BucketRow = { fullAt: number };
type BucketKey = { readonly pk: string; readonly sk: string };

/** Takes one token from a bucket, or throws `rate_limited` with how long to wait. Without `tenant`: a bucket of who isn't known yet. */
export async function takeToken(
  store: AccountsStore,
  size: BucketSize,
  what: { readonly name: keyof RateLimits; readonly of: string; readonly tenant?: string },
): Promise<void> {
  const items = what.tenant === undefined ? store.identity : store.forTenant(what.tenant);
  // E-mail and IP addresses aren't kept, only their hash.
  const of = `${what.name}#${createHash('sha256').update(what.of).digest('base64url').slice(0, 22)}`;
  // A tenant's in one part, so that they can go with it; those of nobody yet spread out.
  const [pk, sk] = what.tenant === undefined ? [`rate#${of}`, ONLY] : ['rate', of];
  const now = store.clock.now();
  const wait = await waitFor(items, { pk, sk }, size, now);
  if (wait === 0) return;
  throw tooMany(what.name, wait);
}

/** `rate_limited`, with how long to wait. */
export function tooMany(name: keyof RateLimits, waitMs: number): TerraneError {
  const retryAfter = Math.ceil(waitMs / 1000);
  return new TerraneError('rate_limited', `Too many ${SUBJECT[name]}; try again in ${retryAfter} s.`, { retryAfter });
}

const SUBJECT: Readonly<Record<keyof RateLimits, string>> = {
  signupPerIp: 'sign-ups from this address',
  loginPerAccountAndIp: 'log-ins to this account from this address',
  loginPerIp: 'log-ins from this address',
  joinPerIp: 'joins from this address',
  joinPerTenant: 'joins to this organisation',
  mailPerUser: 'mails to this account',
  resetPerIp: 'password resets from this address',
  resetPerAccount: 'password resets of this account',
  devicePerIp: 'device log-ins from this address',
  userCodePerUser: 'device codes',
  updateTokenPerIp: 'unknown update tokens from this address',
};

/** 0 = got a token. */
async function waitFor(items: KeyedItems, { pk, sk }: BucketKey, size: BucketSize, now: number): Promise<number> {
  const { firstFullAt, fullAtMax, emptyFullAt } = bucketBounds(size, now);
  const ttl = Math.ceil(emptyFullAt / 1000) + 3600;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const next = await items.update<BucketRow>(
      pk,
      sk,
      { expression: 'SET #fullAt = #fullAt + :refill, #ttl = :ttl', values: { refill: size.refillMs, ttl } },
      { expression: '#fullAt BETWEEN :now AND :max', values: { now, max: fullAtMax } },
    );
    if (next.ok) return 0;
    const fullAt = next.item?.fullAt;
    if (fullAt !== undefined && fullAt > fullAtMax) {
      if (fullAt > emptyFullAt) await setTo(items, { pk, sk }, emptyFullAt, fullAt);
      return bucketWait(size, fullAt, now);
    }
    const first = await items.update<BucketRow>(
      pk,
      sk,
      { expression: 'SET #fullAt = :first, #ttl = :ttl', values: { first: firstFullAt, ttl } },
      { expression: 'attribute_not_exists(#fullAt) OR #fullAt < :now', values: { now } },
    );
    if (first.ok) return 0;
  }
  return size.refillMs;
}

async function setTo(items: KeyedItems, { pk, sk }: BucketKey, fullAt: number, from: number): Promise<void> {
  await items.update<BucketRow>(
    pk,
    sk,
    { expression: 'SET #fullAt = :to', values: { to: fullAt } },
    { expression: '#fullAt = :from', values: { from } },
  );
}
