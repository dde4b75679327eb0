import { duplicate, type FieldError, forbiddenField, invalidValue, notSupported, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain, qualifiedName, validateLabels } from '../names.ts';
import type { PodSpec, Toleration, Volume } from '../schema/pod.ts';
import { validateDns } from './validate-dns.ts';
import { validateAffinity, validateSpread } from './validate-affinity.ts';
import { validateContainer } from './validate-container.ts';

/** 32 bits, and nothing above the system's own classes. */
const LEAST_PRIORITY = -(2 ** 31);
const MOST_PRIORITY = 2_000_001_000;

/** Rules of a pod spec beyond its types. `field` is the path of the spec. */
export function validatePodSpec(spec: PodSpec, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const volumes = new Set<string>();
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const path = `${field}.volumes[${index}]`;
    if (volumes.has(volume.name)) errors.push(duplicate(`${path}.name`, volume.name));
    volumes.add(volume.name);
    errors.push(...validateVolume(volume, path));
  }
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  const lists = { initContainers: spec.initContainers ?? [], containers: spec.containers };
  for (const [list, containers] of Object.entries(lists)) {
    for (const [index, container] of containers.entries()) {
      const path = `${field}.${list}[${index}]`;
      if (names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name));
      names.add(container.name);
      errors.push(...validateContainer(container, path, { volumes, hostNetwork: spec.hostNetwork === true }));
      if (list === 'initContainers')
        for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const)
          if (container[probe]) errors.push(forbiddenField(`${path}.${probe}`, 'may not be set for init containers'));
      if (list === 'containers')
        for (const [at, port] of (container.ports ?? []).entries()) {
          if (port.hostPort === undefined) continue;
          const key = `${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`;
          if (hostPorts.has(key)) errors.push(duplicate(`${path}.ports[${at}].hostPort`, key));
          hostPorts.add(key);
        }
    }
  }
  errors.push(...validateLabels(spec.nodeSelector, `${field}.nodeSelector`));
  const wrongNode = spec.nodeName ? dnsSubdomain(spec.nodeName) : undefined;
  if (wrongNode) errors.push(invalidValue(`${field}.nodeName`, spec.nodeName, wrongNode));
  const wrongHost = spec.hostname ? dnsLabel(spec.hostname) : undefined;
  if (wrongHost) errors.push(invalidValue(`${field}.hostname`, spec.hostname, wrongHost));
  const wrongSubdomain = spec.subdomain ? dnsLabel(spec.subdomain) : undefined;
  if (wrongSubdomain) errors.push(invalidValue(`${field}.subdomain`, spec.subdomain, wrongSubdomain));
  errors.push(...validateDns(spec, field));
  for (const [index, toleration] of (spec.tolerations ?? []).entries())
    errors.push(...validateToleration(toleration, `${field}.tolerations[${index}]`));
  if (spec.priority !== undefined && (spec.priority < LEAST_PRIORITY || spec.priority > MOST_PRIORITY))
    errors.push(invalidValue(`${field}.priority`, spec.priority, `must be between ${LEAST_PRIORITY} and ${MOST_PRIORITY}`));
  if (spec.affinity) errors.push(...validateAffinity(spec.affinity, `${field}.affinity`));
  errors.push(...validateSpread(spec.topologySpreadConstraints ?? [], `${field}.topologySpreadConstraints`));
  return errors;
}

function validateVolume(volume: Volume, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = dnsLabel(volume.name);
  if (wrong) errors.push(invalidValue(`${path}.name`, volume.name, wrong));
  const sources = (['emptyDir', 'hostPath', 'configMap', 'secret'] as const).filter((source) => volume[source] !== undefined);
  if (sources.length > 1) errors.push(forbiddenField(`${path}.${sources[1]}`, 'may not specify more than 1 volume type'));
  if (volume.hostPath?.path === '') errors.push(required(`${path}.hostPath.path`));
  if (volume.hostPath?.path.split('/').includes('..'))
    errors.push(invalidValue(`${path}.hostPath.path`, volume.hostPath.path, "must not contain '..'"));
  for (const source of ['configMap', 'secret'] as const) {
    for (const [index, item] of (volume[source]?.items ?? []).entries()) {
      const at = `${path}.${source}.items[${index}].path`;
      if (item.path === '') errors.push(required(at));
      if (item.path.startsWith('/') || item.path.split('/').includes('..'))
        errors.push(invalidValue(at, item.path, "must be a relative path without '..'"));
    }
  }
  return errors;
}

function validateToleration(toleration: Toleration, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const operator = toleration.operator ?? 'Equal';
  if (toleration.key) {
    const wrong = qualifiedName(toleration.key);
    if (wrong) errors.push(invalidValue(`${path}.key`, toleration.key, wrong));
  } else if (operator !== 'Exists') {
    errors.push(invalidValue(`${path}.operator`, operator, "must be Exists when 'key' is empty"));
  }
  if (operator === 'Exists' && toleration.value)
    errors.push(invalidValue(`${path}.value`, toleration.value, "must be empty when 'operator' is Exists"));
  if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute')
    errors.push(notSupported(`${path}.effect`, toleration.effect ?? '', ['NoExecute']));
  return errors;
}
