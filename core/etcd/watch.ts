import type { ChangeEvent, Revision } from '../keyspace/types.ts';
import type { KeyRange } from './requests.ts';

export interface WatchCreateRequest extends KeyRange {
  /** 0: only what happens from now on. */
  readonly startRevision: Revision;
  readonly progressNotify: boolean;
  readonly filters: readonly ('NOPUT' | 'NODELETE' | undefined)[];
  readonly prevKv: boolean;
  /** 0: the stream chooses. */
  readonly watchId: number;
  /** An answer may be split where it is long, although a revision then comes in parts. */
  readonly fragment: boolean;
}

export interface WatchAnswer {
  /** -1: of no watch in particular. */
  readonly watchId: number;
  /** The header's; 0 where etcd gives none. */
  readonly revision: Revision;
  readonly created?: true;
  readonly canceled?: true;
  readonly cancelReason?: string;
  /** With `canceled`: the oldest revision that a watch can start from. */
  readonly compactRevision?: Revision;
  /** Of one revision or several, oldest first. */
  readonly events?: readonly ChangeEvent[];
  /** Whether events carry what was there before. */
  readonly prevKv?: boolean;
  /** More of the same answer follows. */
  readonly fragment?: true;
}
