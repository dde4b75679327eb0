import { duplicate, type FieldError, forbiddenField, invalidValue, required } from '../field-error.ts';
import { dnsLabel, qualifiedName } from '../names.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import type { Container, LifecycleHandler, Probe } from '../schema/pod.ts';

const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*$/;

export interface PodContext {
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
}

export function validateContainer(container: Container, path: string, pod: PodContext): FieldError[] {
  const errors: FieldError[] = [];
  const wrongName = container.name === '' ? undefined : dnsLabel(container.name);
  if (container.name === '') errors.push(required(`${path}.name`));
  if (wrongName) errors.push(invalidValue(`${path}.name`, container.name, wrongName));
  if (container.image === '') errors.push(required(`${path}.image`));
  else if (container.image.trim() !== container.image)
    errors.push(invalidValue(`${path}.image`, container.image, 'must not have leading or trailing whitespace'));
  errors.push(...validateEnv(container, path), ...validatePorts(container, path, pod), ...validateResources(container, path));
  const mountPaths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${path}.volumeMounts[${index}]`;
    if (!pod.volumes.has(mount.name))
      errors.push({ reason: 'FieldValueNotFound', field: `${at}.name`, message: `Not found: "${mount.name}"` });
    if (mount.mountPath === '') errors.push(required(`${at}.mountPath`));
    if (mountPaths.has(mount.mountPath)) errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    mountPaths.add(mount.mountPath);
    if (mount.subPath !== undefined && (mount.subPath.startsWith('/') || mount.subPath.split('/').includes('..')))
      errors.push(invalidValue(`${at}.subPath`, mount.subPath, "must be a relative path without '..'"));
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (!probe) continue;
    errors.push(...validateAction(probe, `${path}.${name}`));
    if (name !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1)
      errors.push(invalidValue(`${path}.${name}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  for (const name of ['preStop', 'postStart'] as const) {
    const handler = container.lifecycle?.[name];
    if (handler) errors.push(...validateAction(handler, `${path}.lifecycle.${name}`));
  }
  return errors;
}

function validateEnv(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, variable] of (container.env ?? []).entries()) {
    const at = `${path}.env[${index}]`;
    if (variable.name === '') errors.push(required(`${at}.name`));
    else if (!ENV_NAME.test(variable.name))
      errors.push(
        invalidValue(`${at}.name`, variable.name, "must consist of letters, digits, '_', '-' or '.', and not start with a digit"),
      );
    if (!variable.valueFrom) continue;
    if (variable.value) errors.push(invalidValue(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    const sources = Object.values(variable.valueFrom).filter((source) => source !== undefined).length;
    if (sources !== 1) errors.push(invalidValue(`${at}.valueFrom`, '', 'must specify exactly one source'));
    const fieldPath = variable.valueFrom.fieldRef?.fieldPath;
    if (fieldPath !== undefined && !FIELD_PATH.test(fieldPath))
      errors.push(
        invalidValue(`${at}.valueFrom.fieldRef.fieldPath`, fieldPath, 'is not a field that can be passed to a container'),
      );
  }
  for (const [index, from] of (container.envFrom ?? []).entries())
    if ((from.configMapRef ? 1 : 0) + (from.secretRef ? 1 : 0) !== 1)
      errors.push(invalidValue(`${path}.envFrom[${index}]`, '', 'must specify exactly one of configMapRef and secretRef'));
  return errors;
}

const FIELD_PATH =
  /^(metadata\.(name|namespace|uid|labels\['[^']+'\]|annotations\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(podIP|podIPs|hostIP))$/;

function validatePorts(container: Container, path: string, pod: PodContext): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const at = `${path}.ports[${index}]`;
    if (port.name !== undefined && port.name !== '') {
      if (port.name.length > 15 || !PORT_NAME.test(port.name))
        errors.push(
          invalidValue(
            `${at}.name`,
            port.name,
            "must be at most 15 lower case letters, digits or single '-', with at least one letter",
          ),
        );
      if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (pod.hostNetwork && port.hostPort !== port.containerPort)
      errors.push(invalidValue(`${at}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'));
  }
  return errors;
}

function validateResources(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = container.resources ?? {};
  for (const [list, quantities] of Object.entries({ limits, requests })) {
    for (const [resource, quantity] of Object.entries(quantities)) {
      const at = `${path}.resources.${list}[${resource}]`;
      const wrong = qualifiedName(resource);
      if (wrong) errors.push(invalidValue(at, resource, wrong));
      try {
        if (parseQuantity(quantity).nano < 0n) errors.push(invalidValue(at, quantity, 'must be greater than or equal to 0'));
      } catch (error) {
        errors.push(invalidValue(at, quantity, (error as Error).message));
      }
    }
  }
  if (errors.length > 0) return errors;
  for (const [resource, request] of Object.entries(requests)) {
    const limit = limits[resource];
    if (limit !== undefined && compareQuantity(request, limit) > 0)
      errors.push(
        invalidValue(`${path}.resources.requests`, request, `must be less than or equal to ${resource} limit of ${limit}`),
      );
  }
  return errors;
}

function validateAction(action: Probe | LifecycleHandler, path: string): FieldError[] {
  const kinds = ['exec', 'httpGet', 'tcpSocket', 'sleep'] as const;
  const given = kinds.filter((kind) => (action as LifecycleHandler)[kind] !== undefined);
  if (given.length === 0) return [required(path, 'must specify a handler type')];
  const errors: FieldError[] = [];
  if (given.length > 1) errors.push(forbiddenField(`${path}.${given[1]}`, 'may not specify more than 1 handler type'));
  if (action.exec?.command.length === 0) errors.push(required(`${path}.exec.command`));
  for (const kind of ['httpGet', 'tcpSocket'] as const) {
    const port = action[kind]?.port;
    if (port === undefined) continue;
    const wrong = typeof port === 'number' ? port < 1 || port > 65535 : port.length > 15 || !PORT_NAME.test(port);
    if (wrong)
      errors.push(
        invalidValue(`${path}.${kind}.port`, port, 'must be a port number between 1 and 65535, or the name of a container port'),
      );
  }
  return errors;
}
