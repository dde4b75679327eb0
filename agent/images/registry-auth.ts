import type { Pod } from '../../core/resources/schema/pod.ts';
import type { ConfigSource } from '../runtime/environment.ts';

/** One entry of a docker config's `auths`. */
interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  /** Base64 of `user:password`. */
  readonly auth?: string;
  readonly identitytoken?: string;
}

const DOCKER_HUB = 'docker.io';

/** The registry that an image is pulled from: the first part of the name, if it can be a host. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  return image.includes('/') && (/[.:]/.test(first) || first === 'localhost') ? first : DOCKER_HUB;
}

/**
 * The X-Registry-Auth header for an image by the pod's imagePullSecrets, else by what came with the assignment for the organisation's own
 * registry; JSON in URL-safe base64; undefined = anonymous. Secrets that are missing or can't be read are passed over: the pull then says
 * what it lacks.
 */
export function registryAuth(pod: Pod, image: string, source: ConfigSource): string | undefined {
  const registry = registryOf(image);
  for (const { name } of pod.spec.imagePullSecrets ?? []) {
    const entry = authsOf(source.secret(pod.metadata.namespace ?? '', name)?.data).find(
      ([host]) => hostOf(host) === registry,
    )?.[1];
    if (!entry) continue;
    const [user, ...password] = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8').split(':') : [];
    const header = {
      username: entry.username ?? user ?? '',
      password: entry.password ?? password.join(':'),
      ...(entry.identitytoken ? { identitytoken: entry.identitytoken } : {}),
      serveraddress: registry,
    };
    return encoded(header);
  }
  const own = source.pullCredentials?.(image);
  return own && encoded({ username: own.username, password: own.password, serveraddress: registry });
}

/** With padding: the engine silently ignores a header without it. */
function encoded(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** kubernetes.io/dockerconfigjson, or the older kubernetes.io/dockercfg. */
function authsOf(data: Readonly<Record<string, string>> | undefined): [string, AuthEntry][] {
  const text = data?.['.dockerconfigjson'] ?? data?.['.dockercfg'];
  if (text === undefined) return [];
  try {
    const config = JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as { auths?: Record<string, AuthEntry> };
    return Object.entries(config.auths ?? (config as unknown as Record<string, AuthEntry>));
  } catch {
    return [];
  }
}

/** `https://index.docker.io/v1/` and `docker.io` are the same; others are named by host and port. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return /^(index\.docker\.io|registry-1\.docker\.io|docker\.io)$/.test(host) ? DOCKER_HUB : host;
}
