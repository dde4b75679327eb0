/** Thrown when a read or watch asks for a revision that was compacted away. Carries the oldest revision still readable. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly compactRevision: number;
  constructor(compactRevision: number) {
    super(`required revision has been compacted; the oldest readable revision is ${compactRevision}`);
    this.compactRevision = compactRevision;
  }
}
