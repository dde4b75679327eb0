/** The engine answered, and its answer was no. `message` is the engine's own words. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** No engine answered: the socket is missing or refuses, or the connection broke in mid-answer. */
export class DockerUnavailable extends Error {
  override readonly name = 'DockerUnavailable';
}

/** The engine took the request and never answered: it is stuck. */
export class DockerTimeout extends DockerUnavailable {}

export function isNotFound(error: unknown): boolean {
  return error instanceof DockerError && error.status === 404;
}

export function isConflict(error: unknown): boolean {
  return error instanceof DockerError && error.status === 409;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
