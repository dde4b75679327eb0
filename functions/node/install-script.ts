import { createHash, createPublicKey } from 'node:crypto';

/** What install.sh is filled in with. All of it is public. */
export interface InstallScriptValues {
  readonly version: string;
  /** URL that hosts reach the control plane by. */
  readonly serverUrl: string;
  /** Certificate authority of that URL, when it is a private one. */
  readonly caPem?: string;
  /** Ed25519 key that signs manifest.json (SPKI PEM). */
  readonly publicKeyPem: string;
  readonly manifestSha256: string;
}

/**
 * How people and join commands name the manifest key: `sha256:` and the hex SHA-256 of its DER form (SPKI). install.sh compares
 * it with the variable TERRANE_KEY.
 */
export function keyFingerprint(publicKeyPem: string): string {
  const der = createPublicKey(publicKeyPem).export({ format: 'der', type: 'spki' });
  return `sha256:${createHash('sha256').update(der).digest('hex')}`;
}

/** The template with its `{{NAME}}` places filled. Same values, same bytes: join commands carry the checksum of the result. */
export function fillInstallScript(template: string, values: InstallScriptValues): string {
  const places: Readonly<Record<string, string>> = {
    VERSION: word(values.version),
    SERVER: word(new URL(values.serverUrl).toString().replace(/\/$/, '')),
    MANIFEST_SHA256: word(values.manifestSha256),
    KEY_FINGERPRINT: keyFingerprint(values.publicKeyPem),
    MANIFEST_KEY: pem(values.publicKeyPem),
    CA_PEM: values.caPem ? pem(values.caPem) : '',
  };
  return template.replaceAll(/\{\{(\w+)\}\}/g, (place, name: string) => {
    const value = places[name];
    if (value === undefined) throw new Error(`install.sh has a place that nothing fills: ${place}`);
    return value;
  });
}

/** Ends up between single quotes in a shell script. */
function word(text: string): string {
  if (!/^[A-Za-z0-9._/@:+,=~[\]-]+$/.test(text)) throw new Error(`not fit for a shell script: ${text}`);
  return text;
}

function pem(text: string): string {
  const trimmed = text.trim();
  if (!/^-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s-]+-----END [A-Z ]+-----$/.test(trimmed)) throw new Error('not a PEM text');
  return trimmed;
}
