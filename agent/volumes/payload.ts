import type { Pod, Volume } from '../../core/resources/schema/pod.ts';
import type { ConfigSource } from '../runtime/environment.ts';
import { StartFailure } from '../runtime/start-failure.ts';

/** One file of a ConfigMap or Secret volume. */
export interface VolumeFile {
  /** Relative; never leaves the volume. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

const DEFAULT_MODE = 0o644;

/** What a ConfigMap or Secret volume holds. Throws StartFailure when something that isn't optional is missing. */
export function payloadOf(pod: Pod, volume: Volume, source: ConfigSource): VolumeFile[] {
  const namespace = pod.metadata.namespace ?? '';
  if (volume.configMap) {
    const { name, optional = false } = volume.configMap;
    const map = source.configMap(namespace, name);
    if (!map && !optional) throw notFound('configmap', name);
    const entries = new Map<string, Buffer>();
    for (const [key, text] of Object.entries(map?.data ?? {})) entries.set(key, Buffer.from(text));
    for (const [key, base64] of Object.entries(map?.binaryData ?? {})) entries.set(key, Buffer.from(base64, 'base64'));
    return select(entries, volume.configMap, `ConfigMap ${namespace}/${name}`);
  }
  if (volume.secret) {
    const { secretName, optional = false } = volume.secret;
    const secret = source.secret(namespace, secretName);
    if (!secret && !optional) throw notFound('secret', secretName);
    const entries = new Map(Object.entries(secret?.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
    return select(entries, volume.secret, `Secret ${namespace}/${secretName}`);
  }
  return [];
}

interface Selection {
  readonly items?: readonly { key: string; path: string; mode?: number | undefined }[] | undefined;
  readonly defaultMode?: number | undefined;
  readonly optional?: boolean | undefined;
}

function select(entries: ReadonlyMap<string, Buffer>, { items, defaultMode = DEFAULT_MODE, optional }: Selection, what: string) {
  if (!items) return [...entries].map(([path, content]) => ({ path, content, mode: defaultMode }));
  const files: VolumeFile[] = [];
  for (const { key, path, mode = defaultMode } of items) {
    const content = entries.get(key);
    if (path.startsWith('/') || path.split('/').includes('..')) {
      throw new StartFailure('CreateContainerConfigError', `path ${path} of ${what} leaves the volume`);
    }
    if (content) files.push({ path, content, mode });
    else if (!optional) throw new StartFailure('CreateContainerConfigError', `${what} references non-existent key: ${key}`);
  }
  return files;
}

function notFound(kind: string, name: string): StartFailure {
  return new StartFailure('CreateContainerConfigError', `${kind} "${name}" not found`);
}

/** Changes when what the pod's volumes hold may have changed. */
export function volumesVersion(pod: Pod, source: ConfigSource): string {
  const namespace = pod.metadata.namespace ?? '';
  const parts = (pod.spec.volumes ?? []).flatMap(({ configMap, secret }) => {
    if (configMap) return [`configmap/${configMap.name}@${versionOf(source.configMap(namespace, configMap.name))}`];
    if (secret) return [`secret/${secret.secretName}@${versionOf(source.secret(namespace, secret.secretName))}`];
    return [];
  });
  return parts.join(' ');
}

function versionOf(object: { metadata: { uid: string; resourceVersion: string } } | undefined): string {
  return object ? `${object.metadata.uid}:${object.metadata.resourceVersion}` : 'none';
}
