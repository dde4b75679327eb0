import type { PodSpec } from '../resources/schema/pod.ts';

/** Names of the ConfigMaps and Secrets, in the pod's own namespace, that it can't run without (or would like to have). */
export interface PodReferences {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

const known = new WeakMap<PodSpec, PodReferences>();

/** Computed once for each spec: specs of stored objects are shared and don't change. */
export function referencesOf(spec: PodSpec): PodReferences {
  let references = known.get(spec);
  if (!references) known.set(spec, (references = collect(spec)));
  return references;
}

function collect(spec: PodSpec): PodReferences {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const { valueFrom } of env) {
      if (valueFrom?.configMapKeyRef) configMaps.add(valueFrom.configMapKeyRef.name);
      if (valueFrom?.secretKeyRef) secrets.add(valueFrom.secretKeyRef.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      if (configMapRef) configMaps.add(configMapRef.name);
      if (secretRef) secrets.add(secretRef.name);
    }
  }
  for (const { configMap, secret } of spec.volumes ?? []) {
    if (configMap) configMaps.add(configMap.name);
    if (secret) secrets.add(secret.secretName);
  }
  for (const { name } of spec.imagePullSecrets ?? []) secrets.add(name);
  return { configMaps, secrets };
}
