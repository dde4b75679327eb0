/** Thrown when a read or watch asks for a revision that was compacted away. Carries the oldest revision still readable. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly compactRevision: number;
  constructor(compactRevision: number) {
    super(`required revision has been compacted; the oldest readable revision is ${compactRevision}`);
    this.compactRevision = compactRevision;
  }
}

/** Thrown when a read asks for a revision that doesn't exist yet. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
  constructor(revision: number, head: number) {
    super(`required revision is a future revision: ${revision} was asked for, the newest is ${head}`);
  }
}

/** Thrown when one transaction changes more than REQUEST_BYTES_MAX. Nothing was written. */
export class RequestTooLargeError extends Error {
  override readonly name = 'RequestTooLargeError';
  constructor(bytes: number, max: number) {
    super(`request is too large: it changes ${bytes} bytes, the most is ${max}; split it into several`);
  }
}

/** Thrown when a put names a lease that was never granted, was revoked or has expired. */
export class LeaseNotFoundError extends Error {
  override readonly name = 'LeaseNotFoundError';
  constructor() {
    super('requested lease not found');
  }
}

/** Thrown when a lease is granted under an id that is in use. */
export class LeaseExistsError extends Error {
  override readonly name = 'LeaseExistsError';
  constructor() {
    super('lease already exists');
  }
}

/** Thrown for a request id that is already in the log, if the caller gave no `duplicate` to answer from. */
export class DuplicateRequestError extends Error {
  override readonly name = 'DuplicateRequestError';
  readonly revision: number;
  constructor(requestId: string, revision: number) {
    super(`request ${requestId} was already committed at revision ${revision}`);
    this.revision = revision;
  }
}

/** Thrown when the store did not answer in time. The change may have been made, or be made yet. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';
  constructor(cause: unknown) {
    super('the store did not answer in time: the change may or may not have been made; read before trying again', { cause });
  }
}

/** Thrown by a log that refused an append for a reason that a retry won't cure. Nothing was written. */
export class LogRefusedError extends Error {
  override readonly name: string = 'LogRefusedError';
}

/** Thrown by a log whose store has no room left. Nothing was written; with room made it goes on. */
export class StoreFullError extends LogRefusedError {
  override readonly name = 'StoreFullError';
}

/** Thrown by a log whose disk can't be written to or read from. Nothing was written. */
export class StoreFailedError extends LogRefusedError {
  override readonly name = 'StoreFailedError';
}

/** Thrown by an append whose head was verified too long ago (HEAD_TRUSTED_MS). Nothing was written; read, then try again. */
export class HeadStaleError extends Error {
  override readonly name = 'HeadStaleError';
  constructor(ageMs: number) {
    super(`the head of the log was verified ${ageMs} ms ago: too long to append on it`);
  }
}

/** Thrown by a read whose position was trimmed away: the replica must start again from a snapshot. */
export class TrimmedError extends Error {
  override readonly name = 'TrimmedError';
  constructor(sequence: number) {
    super(`the log was trimmed behind sequence ${sequence}`);
  }
}

/** Thrown when something stored is damaged or missing. The replica refuses to go on rather than show a part of the state. */
export class CorruptLogError extends Error {
  override readonly name = 'CorruptLogError';
}

/** Thrown to whoever uses a keyspace after close(). */
export class ClosedError extends Error {
  override readonly name = 'ClosedError';
  constructor() {
    super('the keyspace is closed');
  }
}
