import type { PullCredentials } from '../../core/images/credentials-for.ts';
import type { ConfigMap } from '../../core/resources/schema/config-map.ts';
import type { Container, Pod } from '../../core/resources/schema/pod.ts';
import type { Secret } from '../../core/resources/schema/secret.ts';
import { expand } from './expand.ts';
import { StartFailure } from './start-failure.ts';

/** The ConfigMaps and Secrets that came with the assignment. */
export interface ConfigSource {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  /** For an image of the organisation's own registry. */
  pullCredentials?(image: string): PullCredentials | undefined;
}

/** What of the host a container may ask for (fieldRef). */
export interface HostFacts {
  readonly nodeName: string;
  readonly hostIp: string;
  /** Known beforehand only with a pause container or on the host's network. */
  readonly podIp: string | undefined;
}

/**
 * The container's variables: envFrom in order, then env, later ones over earlier ones; `$(NAME)` refers to what is set before.
 * Throws StartFailure when something that isn't optional is missing.
 */
export function environmentOf(pod: Pod, container: Container, source: ConfigSource, host: HostFacts): Map<string, string> {
  const values = new Map<string, string>();
  const namespace = pod.metadata.namespace ?? '';
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const entries = configMapRef
      ? configMapEntries(source, namespace, configMapRef)
      : secretRef
        ? secretEntries(source, namespace, secretRef)
        : [];
    for (const [key, value] of entries) if (isVariableName(prefix + key)) values.set(prefix + key, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (!valueFrom) values.set(name, expand(value ?? '', values));
    else {
      const resolved = resolve(valueFrom, pod, source, host);
      if (resolved !== undefined) values.set(name, resolved);
    }
  }
  return values;
}

type ValueFrom = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function resolve({ configMapKeyRef, secretKeyRef, fieldRef }: ValueFrom, pod: Pod, source: ConfigSource, host: HostFacts) {
  const namespace = pod.metadata.namespace ?? '';
  if (configMapKeyRef) {
    const { name, key, optional = false } = configMapKeyRef;
    const map = source.configMap(namespace, name);
    const binary = map?.binaryData?.[key];
    const value = map?.data?.[key] ?? (binary === undefined ? undefined : fromBase64(binary));
    return present(
      value,
      optional,
      map ? `couldn't find key ${key} in ConfigMap ${namespace}/${name}` : missing('configmap', name),
    );
  }
  if (secretKeyRef) {
    const { name, key, optional = false } = secretKeyRef;
    const secret = source.secret(namespace, name);
    const data = secret?.data?.[key];
    const value = data === undefined ? undefined : fromBase64(data);
    return present(value, optional, secret ? `couldn't find key ${key} in Secret ${namespace}/${name}` : missing('secret', name));
  }
  return fieldRef ? fieldValue(fieldRef.fieldPath, pod, host) : '';
}

function present(value: string | undefined, optional: boolean, message: string): string | undefined {
  if (value === undefined && !optional) throw new StartFailure('CreateContainerConfigError', message);
  return value;
}

/** The downward API's fields. */
function fieldValue(path: string, { metadata, spec }: Pod, host: HostFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid;
    case 'spec.nodeName':
      return host.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.hostIPs':
      return host.hostIp;
    case 'status.podIP':
    case 'status.podIPs':
      return host.podIp ?? '';
    default:
      throw new StartFailure('CreateContainerConfigError', `fieldRef ${path} is not supported`);
  }
}

interface Reference {
  readonly name: string;
  readonly optional?: boolean | undefined;
}

function configMapEntries(source: ConfigSource, namespace: string, { name, optional }: Reference): [string, string][] {
  const map = source.configMap(namespace, name);
  if (!map && !optional) throw new StartFailure('CreateContainerConfigError', missing('configmap', name));
  return Object.entries(map?.data ?? {});
}

function secretEntries(source: ConfigSource, namespace: string, { name, optional }: Reference): [string, string][] {
  const secret = source.secret(namespace, name);
  if (!secret && !optional) throw new StartFailure('CreateContainerConfigError', missing('secret', name));
  return Object.entries(secret?.data ?? {}).map(([key, value]) => [key, fromBase64(value)]);
}

function missing(kind: string, name: string): string {
  return `${kind} "${name}" not found`;
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

/** What can't be a variable is left out, as Kubernetes does: a key of a ConfigMap may be a file name. */
function isVariableName(name: string): boolean {
  return /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name);
}
