import { canonicalQuantity } from '../quantity.ts';
import type { Container, LifecycleHandler, PodSpec, Probe, Volume } from '../schema/pod.ts';

/** What Kubernetes fills into a pod spec, in pods and in templates alike. Mutates its argument. Idempotent. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ??= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ??= 'default-scheduler';
  // The deprecated alias and the field itself are kept equal.
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) spec.serviceAccountName = spec.serviceAccount = account;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers])
    defaultContainer(container, spec.hostNetwork === true);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const toleration of spec.tolerations ?? []) if (toleration.key === undefined) toleration.operator ??= 'Exists';
}

function defaultContainer(container: Container, hostNetwork: boolean): void {
  container.imagePullPolicy ??= tagOf(container.image) === 'latest' ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.resources ??= {};
  canonicalList(container.resources.limits);
  canonicalList(container.resources.requests);
  for (const port of container.ports ?? []) {
    port.protocol ??= 'TCP';
    if (hostNetwork) port.hostPort ??= port.containerPort;
  }
  for (const variable of container.env ?? []) if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ??= 'v1';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe) defaultProbe(probe);
  if (container.lifecycle?.preStop) defaultAction(container.lifecycle.preStop);
  if (container.lifecycle?.postStart) defaultAction(container.lifecycle.postStart);
}

/** `latest` if the image names neither tag nor digest. */
export function tagOf(image: string): string | undefined {
  if (image.includes('@')) return undefined;
  const last = image.slice(image.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  return colon < 0 ? 'latest' : last.slice(colon + 1);
}

function defaultProbe(probe: Probe): void {
  defaultAction(probe);
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
}

function defaultAction(action: Probe | LifecycleHandler): void {
  if (!action.httpGet) return;
  action.httpGet.path ??= '/';
  action.httpGet.scheme ??= 'HTTP';
}

function defaultVolume(volume: Volume): void {
  if (volume.configMap) volume.configMap.defaultMode ??= 0o644;
  if (volume.secret) volume.secret.defaultMode ??= 0o644;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (!volume.configMap && !volume.secret && !volume.hostPath) volume.emptyDir ??= {};
}

/** Requests that are left out equal the limits. Pods only: templates keep what the author wrote. */
export function defaultRequests(spec: PodSpec): void {
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const { limits } = container.resources ?? {};
    if (!limits) continue;
    container.resources!.requests = { ...limits, ...container.resources!.requests };
  }
}

/** Malformed quantities stay: validation names them. */
export function canonicalList(list: Record<string, string | number> | undefined): void {
  for (const [resource, quantity] of Object.entries(list ?? {})) {
    try {
      list![resource] = canonicalQuantity(quantity);
    } catch {
      list![resource] = String(quantity);
    }
  }
}
