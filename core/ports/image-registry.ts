/** A page of a long list. */
export interface ImagePage {
  readonly images: readonly StoredImage[];
  /** Where to go on; undefined: that was all. */
  readonly next?: string;
}

export interface StoredImage {
  /** `sha256:…`: what to pull by, if it must be this one. */
  readonly digest: string;
  readonly tags: readonly string[];
  readonly sizeBytes: number;
  /** ms since the epoch. */
  readonly pushedAt: number;
}

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'informational' | 'undefined';

/** What is known of an image's weaknesses. */
export interface ScanReport {
  /** `none`: it was not scanned, or can't be. */
  readonly status: 'complete' | 'pending' | 'failed' | 'none';
  readonly counts: Readonly<Partial<Record<Severity, number>>>;
  /** The worst first, at most 1,000. */
  readonly findings: readonly ScanFinding[];
}

export interface ScanFinding {
  /** As a rule a CVE number. */
  readonly name: string;
  readonly severity: Severity;
  readonly package?: string;
  readonly version?: string;
  readonly link?: string;
}

/** Which images go by themselves. */
export interface Retention {
  /** Those without a tag, after so many days. */
  readonly untaggedDays?: number;
  /** Only the newest so many stay, tagged or not. */
  readonly keepLast?: number;
}

export interface RepositorySettings {
  /** A tag that was pushed can't be moved to another image. */
  readonly immutableTags?: boolean;
  readonly retention?: Retention;
}

/** What a container client logs in with. */
export interface ImageCredentials {
  /** Host, and port unless 443. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/**
 * Where an organisation's images are kept: Amazon ECR in the hosted service, later a registry of our own in the embedded server. Names are
 * those of core/images/names.ts. All throw TerraneError: `image_registry_absent`, `image_registry_unavailable`, `repository_not_found`.
 */
export interface ImageRegistry {
  /** What names of the organisation's images begin with: `host/path/`. */
  prefix(tenant: string): string;
  /** Makes the repository if it isn't there. */
  create(tenant: string, repository: string, settings: RepositorySettings): Promise<void>;
  configure(tenant: string, repository: string, settings: RepositorySettings): Promise<void>;
  /** Gone already is fine. With images in it only if `force`, else `repository_not_empty`. */
  delete(tenant: string, repository: string, force: boolean): Promise<void>;
  images(tenant: string, repository: string, page: { readonly next?: string; readonly limit: number }): Promise<ImagePage>;
  /** Sizes of all images of these repositories, layers that they share counted in each. Absent: the registry can't tell. */
  bytes?(tenant: string, repositories: readonly string[]): Promise<number>;
  /** By tag, which then goes, or by digest with all its tags. False if there was none. */
  deleteImage(tenant: string, repository: string, reference: string): Promise<boolean>;
  scan(tenant: string, repository: string, reference: string): Promise<ScanReport>;
  /** For the organisation's repositories and no others. At least half of their time is left. */
  credentials(tenant: string, access: 'pull' | 'push'): Promise<ImageCredentials>;
}
