/** One of `rpm-ostree status --json`, the next to be booted first. */
export interface Deployment {
  readonly checksum: string;
  readonly version: string;
  readonly booted: boolean;
}

/** Throws if it isn't rpm-ostree's. */
export function parseDeployments(json: string): Deployment[] {
  const { deployments } = JSON.parse(json) as {
    readonly deployments?: readonly { readonly checksum?: string; readonly version?: string; readonly booted?: boolean }[];
  };
  if (!Array.isArray(deployments)) throw new Error('rpm-ostree status gave no deployments');
  return (deployments as NonNullable<typeof deployments>).map(({ checksum = '', version = '', booted = false }) => ({
    checksum,
    version,
    booted,
  }));
}

export function bootedDeployment(deployments: readonly Deployment[]): Deployment {
  const booted = deployments.find((one) => one.booted);
  if (!booted) throw new Error('rpm-ostree knows no booted deployment');
  return booted;
}
