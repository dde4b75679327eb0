/**
 * What the control plane serves to hosts, in one directory: `install.sh` (a template), `manifest.json` and one archive per
 * architecture. The manifest is the one thing that is signed: it names each archive with size and checksum.
 */
export interface Manifest {
  readonly version: string;
  readonly runtime: string;
  readonly artifacts: readonly ManifestArtifact[];
}

export interface ManifestArtifact {
  readonly name: string;
  readonly os: 'linux';
  readonly arch: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** One artefact a line, in this order of fields: install.sh reads it with sed. */
export function manifestText({ version, runtime, artifacts }: Manifest): string {
  const lines = artifacts.map(({ name, os, arch, size, sha256 }) => `    ${JSON.stringify({ name, os, arch, size, sha256 })}`);
  return `{\n  "version": ${JSON.stringify(version)},\n  "runtime": ${JSON.stringify(runtime)},\n  "artifacts": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
