import * as z from 'zod';
import {
  conditionSchema,
  intOrStringSchema,
  labelSelectorSchema,
  type ObjectMeta,
  objectMetaSchema,
  resourceListSchema,
} from './meta.ts';

/** Pod: the documented subset of Kubernetes' core/v1 Pod. Every field here is acted on; any other is refused by name. */

const keySelector = z.strictObject({ name: z.string(), key: z.string(), optional: z.boolean().optional() });

export const envVarSchema = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .strictObject({
      configMapKeyRef: keySelector.optional(),
      secretKeyRef: keySelector.optional(),
      /** metadata.name, metadata.namespace, metadata.uid, metadata.labels['x'], metadata.annotations['x'], spec.nodeName, status.podIP, status.hostIP */
      fieldRef: z.strictObject({ apiVersion: z.string().optional(), fieldPath: z.string() }).optional(),
    })
    .optional(),
});

export const envFromSchema = z.strictObject({
  prefix: z.string().optional(),
  configMapRef: z.strictObject({ name: z.string(), optional: z.boolean().optional() }).optional(),
  secretRef: z.strictObject({ name: z.string(), optional: z.boolean().optional() }).optional(),
});

const actionFields = {
  exec: z.strictObject({ command: z.array(z.string()) }).optional(),
  httpGet: z
    .strictObject({
      path: z.string().optional(),
      port: intOrStringSchema,
      host: z.string().optional(),
      scheme: z.enum(['HTTP', 'HTTPS']).optional(),
      httpHeaders: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
    })
    .optional(),
  tcpSocket: z.strictObject({ port: intOrStringSchema, host: z.string().optional() }).optional(),
};

export const probeSchema = z.strictObject({
  ...actionFields,
  initialDelaySeconds: z.number().int().min(0).optional(),
  periodSeconds: z.number().int().min(1).optional(),
  timeoutSeconds: z.number().int().min(1).optional(),
  successThreshold: z.number().int().min(1).optional(),
  failureThreshold: z.number().int().min(1).optional(),
  terminationGracePeriodSeconds: z.number().int().min(0).optional(),
});

export const lifecycleHandlerSchema = z.strictObject({
  ...actionFields,
  sleep: z.strictObject({ seconds: z.number().int().min(0) }).optional(),
});

export const containerSchema = z.strictObject({
  name: z.string(),
  image: z.string(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  workingDir: z.string().optional(),
  env: z.array(envVarSchema).meta({ patchMergeKey: 'name' }).optional(),
  envFrom: z.array(envFromSchema).optional(),
  ports: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        containerPort: z.number().int().min(1).max(65535),
        hostPort: z.number().int().min(1).max(65535).optional(),
        hostIP: z.string().optional(),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
      }),
    )
    .meta({ patchMergeKey: 'containerPort' })
    .optional(),
  resources: z.strictObject({ limits: resourceListSchema.optional(), requests: resourceListSchema.optional() }).optional(),
  volumeMounts: z
    .array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.string().optional(),
        readOnly: z.boolean().optional(),
      }),
    )
    .meta({ patchMergeKey: 'mountPath' })
    .optional(),
  livenessProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
  startupProbe: probeSchema.optional(),
  lifecycle: z
    .strictObject({ preStop: lifecycleHandlerSchema.optional(), postStart: lifecycleHandlerSchema.optional() })
    .optional(),
  securityContext: z
    .strictObject({
      privileged: z.boolean().optional(),
      runAsUser: z.number().int().optional(),
      runAsGroup: z.number().int().optional(),
      readOnlyRootFilesystem: z.boolean().optional(),
      allowPrivilegeEscalation: z.boolean().optional(),
      capabilities: z.strictObject({ add: z.array(z.string()).optional(), drop: z.array(z.string()).optional() }).optional(),
    })
    .optional(),
  stdin: z.boolean().optional(),
  tty: z.boolean().optional(),
  terminationMessagePath: z.string().optional(),
  terminationMessagePolicy: z.string().optional(),
});

const keyToPath = z.strictObject({ key: z.string(), path: z.string(), mode: z.number().int().optional() });

export const volumeSchema = z.strictObject({
  name: z.string(),
  emptyDir: z
    .strictObject({ medium: z.enum(['', 'Memory']).optional(), sizeLimit: z.union([z.string(), z.number()]).optional() })
    .optional(),
  hostPath: z
    .strictObject({
      path: z.string(),
      type: z
        .enum(['', 'DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'])
        .optional(),
    })
    .optional(),
  configMap: z
    .strictObject({
      name: z.string(),
      items: z.array(keyToPath).optional(),
      defaultMode: z.number().int().optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
  secret: z
    .strictObject({
      secretName: z.string(),
      items: z.array(keyToPath).optional(),
      defaultMode: z.number().int().optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
});

export const tolerationSchema = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const nodeExpression = z.strictObject({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: z.array(z.string()).optional(),
});

export const nodeSelectorTermSchema = z.strictObject({
  /** Labels of the node. */
  matchExpressions: z.array(nodeExpression).optional(),
  /** metadata.name */
  matchFields: z.array(nodeExpression).optional(),
});

/** Which pods are meant, and how near is near: nodes with the same value of the label topologyKey. */
export const podAffinityTermSchema = z.strictObject({
  labelSelector: labelSelectorSchema.optional(),
  topologyKey: z.string(),
  /** Default: the pod's own. */
  namespaces: z.array(z.string()).optional(),
  namespaceSelector: labelSelectorSchema.optional(),
});

const podAffinitySchema = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podAffinityTermSchema).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight: z.number().int().min(1).max(100), podAffinityTerm: podAffinityTermSchema }))
    .optional(),
});

export const affinitySchema = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(nodeSelectorTermSchema) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.strictObject({ weight: z.number().int().min(1).max(100), preference: nodeSelectorTermSchema }))
        .optional(),
    })
    .optional(),
  podAffinity: podAffinitySchema.optional(),
  podAntiAffinity: podAffinitySchema.optional(),
});

export const topologySpreadConstraintSchema = z.strictObject({
  maxSkew: z.number().int().min(1),
  topologyKey: z.string(),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector: labelSelectorSchema.optional(),
  minDomains: z.number().int().min(1).optional(),
  nodeAffinityPolicy: z.enum(['Honor', 'Ignore']).optional(),
  nodeTaintsPolicy: z.enum(['Honor', 'Ignore']).optional(),
  matchLabelKeys: z.array(z.string()).optional(),
});

/** How names are resolved, beside dnsPolicy. */
export const podDnsConfigSchema = z.strictObject({
  nameservers: z.array(z.string()).optional(),
  searches: z.array(z.string()).optional(),
  options: z.array(z.strictObject({ name: z.string().optional(), value: z.string().optional() })).optional(),
});

export const podSpecSchema = z.strictObject({
  containers: z.array(containerSchema).min(1).meta({ patchMergeKey: 'name' }),
  initContainers: z.array(containerSchema).meta({ patchMergeKey: 'name' }).optional(),
  volumes: z.array(volumeSchema).meta({ patchMergeKey: 'name', patchStrategy: 'merge,retainKeys' }).optional(),
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).optional(),
  terminationGracePeriodSeconds: z.number().int().min(0).optional(),
  activeDeadlineSeconds: z.number().int().min(1).optional(),
  nodeSelector: z.record(z.string(), z.string()).optional(),
  nodeName: z.string().optional(),
  hostNetwork: z.boolean().optional(),
  hostname: z.string().optional(),
  subdomain: z.string().optional(),
  tolerations: z.array(tolerationSchema).optional(),
  affinity: affinitySchema.optional(),
  topologySpreadConstraints: z.array(topologySpreadConstraintSchema).meta({ patchMergeKey: 'topologyKey' }).optional(),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string() }))
    .meta({ patchMergeKey: 'name' })
    .optional(),
  dnsPolicy: z.enum(['ClusterFirst', 'Default', 'None', 'ClusterFirstWithHostNet']).optional(),
  dnsConfig: podDnsConfigSchema.optional(),
  securityContext: z
    .strictObject({
      runAsUser: z.number().int().optional(),
      runAsGroup: z.number().int().optional(),
      fsGroup: z.number().int().optional(),
    })
    .optional(),
  schedulerName: z.string().optional(),
  serviceAccountName: z.string().optional(),
  serviceAccount: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  priority: z.number().int().optional(),
  priorityClassName: z.string().optional(),
  preemptionPolicy: z.enum(['PreemptLowerPriority', 'Never']).optional(),
});

const containerState = z.strictObject({
  waiting: z.strictObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.strictObject({ startedAt: z.string() }).optional(),
  terminated: z
    .strictObject({
      exitCode: z.number().int(),
      signal: z.number().int().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      startedAt: z.string().optional(),
      finishedAt: z.string().optional(),
      containerID: z.string().optional(),
    })
    .optional(),
});

export const containerStatusSchema = z.strictObject({
  name: z.string(),
  state: containerState,
  lastState: containerState,
  ready: z.boolean(),
  started: z.boolean().optional(),
  restartCount: z.number().int(),
  image: z.string(),
  imageID: z.string(),
  containerID: z.string().optional(),
});

export const podStatusSchema = z.strictObject({
  phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).optional(),
  conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  hostIP: z.string().optional(),
  /** The node that is kept for the pod while less important ones end there. */
  nominatedNodeName: z.string().optional(),
  podIP: z.string().optional(),
  podIPs: z
    .array(z.strictObject({ ip: z.string() }))
    .meta({ patchMergeKey: 'ip' })
    .optional(),
  startTime: z.string().optional(),
  containerStatuses: z.array(containerStatusSchema).optional(),
  initContainerStatuses: z.array(containerStatusSchema).optional(),
  qosClass: z.enum(['Guaranteed', 'Burstable', 'BestEffort']).optional(),
});

export const podTemplateSchema = z.strictObject({ metadata: objectMetaSchema.optional(), spec: podSpecSchema });

export const podSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Pod'),
  metadata: objectMetaSchema,
  spec: podSpecSchema,
  status: podStatusSchema.optional(),
});

export type Container = z.infer<typeof containerSchema>;
export type Probe = z.infer<typeof probeSchema>;
export type LifecycleHandler = z.infer<typeof lifecycleHandlerSchema>;
export type Volume = z.infer<typeof volumeSchema>;
export type Toleration = z.infer<typeof tolerationSchema>;
export type NodeSelectorTerm = z.infer<typeof nodeSelectorTermSchema>;
export type PodAffinityTerm = z.infer<typeof podAffinityTermSchema>;
export type Affinity = z.infer<typeof affinitySchema>;
export type TopologySpreadConstraint = z.infer<typeof topologySpreadConstraintSchema>;
export type PodSpec = z.infer<typeof podSpecSchema>;
export type PodTemplate = z.infer<typeof podTemplateSchema>;
export type ContainerStatus = z.infer<typeof containerStatusSchema>;
export type PodStatus = z.infer<typeof podStatusSchema>;
export type Pod = Omit<z.infer<typeof podSchema>, 'metadata'> & { metadata: ObjectMeta };
