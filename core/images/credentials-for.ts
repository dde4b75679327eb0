/** Lets a host pull an organisation's images. Part of an assignment only if one of its pods needs it. */
export interface PullCredentials {
  /** What names of the images begin with: `host/path/`. */
  readonly prefix: string;
  readonly username: string;
  readonly password: string;
  /** ms since the epoch. The control plane hands out new ones long before. */
  readonly expiresAt: number;
}

/** Those that an image is pulled with; undefined: none of these. */
export function credentialsFor(image: string, all: readonly PullCredentials[]): PullCredentials | undefined {
  return all.find(({ prefix }) => image.startsWith(prefix));
}
