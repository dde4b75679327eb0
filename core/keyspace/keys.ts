import type { Key } from './types.ts';

/** Greater than every key: the end of a range over everything that starts at ''. */
export const AFTER_ALL_KEYS: Key = '\u0100';
