import * as z from 'zod';
import type { UpdateFile } from '../resources/schema/update-package.ts';
import type { Hold } from './grant.ts';

/**
 * What a host's agent asks and tells of its updates, each request signed as all of a host's:
 *
 *     POST /node/v1/updates/check        UpdateCheck -> UpdateCheckAnswer
 *     POST /node/v1/updates/reboot-lock  RebootLockRequest -> RebootLockAnswer
 *
 * The host is an instance by the name of its node, under the rules of the group that it follows, as one that speaks Omaha is.
 */

/** As instance.ts' Happening, but for `reset`. */
const newsSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: z.enum(['downloading', 'downloaded', 'installed']) }),
  z.object({ type: z.literal('complete') }),
  /** `code`: UPDATE_ERRORS. `message`: with the end of the log. */
  z.object({ type: z.literal('error'), code: z.number().int().min(0).max(0xffff), message: z.string().max(4000) }),
]);
export type UpdateNews = z.infer<typeof newsSchema>;

export const updateCheckSchema = z.object({
  /** Name of the UpdateGroup. */
  group: z.string().min(1).max(253),
  /** What runs. */
  version: z.string().min(1).max(128),
  arch: z.enum(['amd64', 'arm64']),
  /** In order; what was told and not answered is told again. */
  news: z.array(newsSchema).max(50),
  asks: z.boolean(),
});
export type UpdateCheck = z.infer<typeof updateCheckSchema>;

/** A package as its host needs it. */
export interface OfferedUpdate {
  readonly package: string;
  readonly version: string;
  /** Folder of the files, with a slash at its end. */
  readonly url: string;
  readonly files: readonly Pick<UpdateFile, 'name' | 'size' | 'sha256'>[];
}

export type UpdateCheckAnswer =
  | { readonly type: 'update'; readonly update: OfferedUpdate }
  | { readonly type: 'hold'; readonly reason: Hold }
  /** It didn't ask. */
  | { readonly type: 'acknowledged' };

export const rebootLockSchema = z.object({
  group: z.string().min(1).max(253),
  /** Both may be repeated. */
  action: z.enum(['acquire', 'release']),
});
export type RebootLockRequest = z.infer<typeof rebootLockSchema>;

export interface RebootLockAnswer {
  readonly held: boolean;
  /** Why it isn't, for people. */
  readonly message?: string;
}

/** Error codes of instances that agents update. Below 1000 are update_engine's own. */
export const UPDATE_ERRORS = {
  /** The host can't take this package: the driver says why. */
  unsuitable: 1001,
  downloadFailed: 1002,
  /** Files are not those of the package. */
  wrongSum: 1003,
  /** The driver refused to write it, for instance because of its signature. */
  stageFailed: 1004,
  activateFailed: 1005,
  /** After the reboot, the version before runs: the boot loader went back. */
  notBooted: 1006,
  /** It ran, and wasn't well within the health gate's time. */
  unhealthy: 1007,
  confirmFailed: 1008,
} as const;
export type UpdateErrorName = keyof typeof UPDATE_ERRORS;
