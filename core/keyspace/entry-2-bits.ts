/** The bits of entries of format 2 (entry-format-2.ts), as who writes and who reads them has to know. */

/** An operation's first byte: its kind, and flags. */
export const KIND = {
  put: 0,
  delete: 1,
  grant: 2,
  revoke: 3,
  compact: 4,
  elsewhere: 5,
  set: 6,
  unset: 7,
  /** The record has no operations. */
  nothing: 8,
  /** Not operations themselves: the record that begins here has the id that follows, or none. */
  id: 9,
  noId: 10,
} as const;
export const KIND_MASK = 0x0f;
export const FRESH = 0x10;
export const OTHER_LEASE = 0x20;
export const OTHER_LENGTH = 0x40;
export const LAST = 0x80;

/** Of the two halves of a key's first byte: the number follows. */
export const LONG = 0x0f;
