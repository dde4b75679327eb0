import type { NamedData } from './record.ts';

/** A part of the name space that is answered here. */
export interface Zone {
  /** Its topmost name. */
  readonly origin: string;
  /** Whether that name is this zone's to answer: those below the origin, and perhaps reverse names. */
  covers(name: string): boolean;
  /**
   * All that is known of a name (lower case); nothing, if it exists for other reasons; undefined: there is no such name. Throws, or
   * rejects, when it can't be known now.
   */
  lookup(name: string): readonly NamedData[] | undefined | Promise<readonly NamedData[] | undefined>;
}
