/**
 * The field numbers of Kubernetes' messages (the generated.proto of k8s.io/api and k8s.io/apimachinery), for the kinds served here.
 * One field: `number name type`. Types:
 *
 *     str int bool bytes time qty intstr   scalars; dropped when zero, as Go's `omitempty` does
 *     int* bool* intstr*                   a pointer in Go: zero counts
 *     Message  [T]  {T}                    message, list, map from string
 *     ~Message                             its fields belong to the message around it
 *     ?  ?*                                not served: only its presence is told, so that it can be refused by name
 *     -                                    the server's own: skipped
 */
const SOURCE = {
  ObjectMeta:
    '1 name str, 2 generateName str, 3 namespace str, 4 selfLink -, 5 uid str, 6 resourceVersion str, 7 generation int, 8 creationTimestamp time, 9 deletionTimestamp time, 10 deletionGracePeriodSeconds int*, 11 labels {str}, 12 annotations {str}, 13 ownerReferences [OwnerReference], 14 finalizers [str], 17 managedFields -',
  OwnerReference: '1 kind str, 3 name str, 4 uid str, 5 apiVersion str, 6 controller bool*, 7 blockOwnerDeletion bool*',
  LabelSelector: '1 matchLabels {str}, 2 matchExpressions [LabelSelectorRequirement]',
  LabelSelectorRequirement: '1 key str, 2 operator str, 3 values [str]',

  Namespace: '1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status -',
  NamespaceSpec: '1 finalizers [str]',
  ConfigMap: '1 metadata ObjectMeta, 2 data {str}, 3 binaryData {bytes}, 4 immutable bool*',
  Secret: '1 metadata ObjectMeta, 2 data {bytes}, 3 type str, 4 stringData {str}, 5 immutable bool*',
  Service: '1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status -',
  ServiceSpec:
    '1 ports [ServicePort], 2 selector {str}, 3 clusterIP str, 4 type str, 5 externalIPs [str], 7 sessionAffinity str, 8 loadBalancerIP ?, 9 loadBalancerSourceRanges ?, 10 externalName str, 11 externalTrafficPolicy str, 12 healthCheckNodePort ?, 13 publishNotReadyAddresses bool, 14 sessionAffinityConfig SessionAffinityConfig, 17 ipFamilyPolicy ?, 18 clusterIPs [str], 19 ipFamilies ?, 20 allocateLoadBalancerNodePorts ?*, 21 loadBalancerClass ?, 22 internalTrafficPolicy str, 23 trafficDistribution ?',
  ServicePort: '1 name str, 2 protocol str, 3 port int, 4 targetPort intstr, 5 nodePort int, 6 appProtocol str',
  EndpointSlice: '1 metadata ObjectMeta, 2 endpoints [Endpoint], 3 ports [EndpointPort], 4 addressType str',
  Endpoint:
    '1 addresses [str], 2 conditions EndpointConditions, 3 hostname str, 4 targetRef EndpointTarget, 5 deprecatedTopology ?, 6 nodeName str, 7 zone ?, 8 hints ?',
  EndpointConditions: '1 ready bool*, 2 serving bool*, 3 terminating bool*',
  EndpointTarget: '1 kind str, 2 namespace str, 3 name str, 4 uid str, 5 apiVersion ?, 6 resourceVersion -, 7 fieldPath ?',
  EndpointPort: '1 name str, 2 protocol str, 3 port int, 4 appProtocol str',
  NetworkPolicy: '1 metadata ObjectMeta, 2 spec NetworkPolicySpec, 3 status -',
  NetworkPolicySpec:
    '1 podSelector LabelSelector, 2 ingress [NetworkPolicyIngressRule], 3 egress [NetworkPolicyEgressRule], 4 policyTypes [str]',
  NetworkPolicyIngressRule: '1 ports [NetworkPolicyPort], 2 from [NetworkPolicyPeer]',
  NetworkPolicyEgressRule: '1 ports [NetworkPolicyPort], 2 to [NetworkPolicyPeer]',
  NetworkPolicyPort: '1 protocol str, 2 port intstr*, 3 endPort int*',
  NetworkPolicyPeer: '1 podSelector LabelSelector, 2 namespaceSelector LabelSelector, 3 ipBlock IPBlock',
  IPBlock: '1 cidr str, 2 except [str]',
  SessionAffinityConfig: '1 clientIP ClientIPConfig',
  ClientIPConfig: '1 timeoutSeconds int*',
  Event:
    '1 metadata ObjectMeta, 2 involvedObject ObjectReference, 3 reason str, 4 message str, 5 source EventSource, 6 firstTimestamp time, 7 lastTimestamp time, 8 count int, 9 type str, 10 eventTime time, 11 series ?, 12 action str, 13 related ?, 14 reportingComponent str, 15 reportingInstance str',
  EventSource: '1 component str, 2 host str',
  ObjectReference: '1 kind str, 2 namespace str, 3 name str, 4 uid str, 5 apiVersion str, 6 resourceVersion str, 7 fieldPath str',
  Node: '1 metadata ObjectMeta, 2 spec NodeSpec, 3 status -',
  NodeSpec:
    '1 podCIDR str, 2 externalID ?, 3 providerID str, 4 unschedulable bool, 5 taints [Taint], 6 configSource ?, 7 podCIDRs [str]',
  Taint: '1 key str, 2 value str, 3 effect str, 4 timeAdded time',

  Pod: '1 metadata ObjectMeta, 2 spec PodSpec, 3 status -',
  PodTemplateSpec: '1 metadata ObjectMeta, 2 spec PodSpec',
  PodDNSConfig: '1 nameservers [str], 2 searches [str], 3 options [PodDNSConfigOption]',
  PodDNSConfigOption: '1 name str, 2 value str',
  PodSpec:
    '1 volumes [Volume], 2 containers [Container], 3 restartPolicy str, 4 terminationGracePeriodSeconds int*, 5 activeDeadlineSeconds int*, 6 dnsPolicy str, 7 nodeSelector {str}, 8 serviceAccountName str, 9 serviceAccount str, 10 nodeName str, 11 hostNetwork bool, 12 hostPID ?, 13 hostIPC ?, 14 securityContext PodSecurityContext, 15 imagePullSecrets [LocalObjectReference], 16 hostname str, 17 subdomain str, 18 affinity Affinity, 19 schedulerName str, 20 initContainers [Container], 21 automountServiceAccountToken bool*, 22 tolerations [Toleration], 23 hostAliases ?, 24 priorityClassName str, 25 priority int*, 26 dnsConfig PodDNSConfig, 27 shareProcessNamespace ?, 28 readinessGates ?, 29 runtimeClassName ?, 30 enableServiceLinks bool*, 31 preemptionPolicy str, 32 overhead ?, 33 topologySpreadConstraints [TopologySpreadConstraint], 34 ephemeralContainers ?, 35 setHostnameAsFQDN ?, 36 os ?, 37 hostUsers ?*, 38 schedulingGates ?, 39 resourceClaims ?, 40 resources ?, 41 hostnameOverride ?',
  Affinity: '1 nodeAffinity NodeAffinity, 2 podAffinity PodAffinity, 3 podAntiAffinity PodAffinity',
  NodeAffinity:
    '1 requiredDuringSchedulingIgnoredDuringExecution NodeSelector, 2 preferredDuringSchedulingIgnoredDuringExecution [PreferredSchedulingTerm]',
  NodeSelector: '1 nodeSelectorTerms [NodeSelectorTerm]',
  NodeSelectorTerm: '1 matchExpressions [NodeSelectorRequirement], 2 matchFields [NodeSelectorRequirement]',
  NodeSelectorRequirement: '1 key str, 2 operator str, 3 values [str]',
  PreferredSchedulingTerm: '1 weight int, 2 preference NodeSelectorTerm',
  PodAffinity:
    '1 requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm], 2 preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm]',
  PodAffinityTerm:
    '1 labelSelector LabelSelector, 2 namespaces [str], 3 topologyKey str, 4 namespaceSelector LabelSelector, 5 matchLabelKeys ?, 6 mismatchLabelKeys ?',
  WeightedPodAffinityTerm: '1 weight int, 2 podAffinityTerm PodAffinityTerm',
  TopologySpreadConstraint:
    '1 maxSkew int, 2 topologyKey str, 3 whenUnsatisfiable str, 4 labelSelector LabelSelector, 5 minDomains int*, 6 nodeAffinityPolicy str, 7 nodeTaintsPolicy str, 8 matchLabelKeys [str]',
  PriorityClass: '1 metadata ObjectMeta, 2 value int, 3 globalDefault bool, 4 description str, 5 preemptionPolicy str',
  PodDisruptionBudget: '1 metadata ObjectMeta, 2 spec PodDisruptionBudgetSpec, 3 status -',
  PodDisruptionBudgetSpec:
    '1 minAvailable intstr*, 2 selector LabelSelector, 3 maxUnavailable intstr*, 4 unhealthyPodEvictionPolicy str',
  PodSecurityContext:
    '1 seLinuxOptions ?, 2 runAsUser int*, 3 runAsNonRoot ?, 4 supplementalGroups ?*, 5 fsGroup int*, 6 runAsGroup int*, 7 sysctls ?, 8 windowsOptions ?, 9 fsGroupChangePolicy ?, 10 seccompProfile ?, 11 appArmorProfile ?, 12 supplementalGroupsPolicy ?, 13 seLinuxChangePolicy ?',
  Toleration: '1 key str, 2 operator str, 3 value str, 4 effect str, 5 tolerationSeconds int*',
  LocalObjectReference: '1 name str',
  Container:
    '1 name str, 2 image str, 3 command [str], 4 args [str], 5 workingDir str, 6 ports [ContainerPort], 7 env [EnvVar], 8 resources ResourceRequirements, 9 volumeMounts [VolumeMount], 10 livenessProbe Probe, 11 readinessProbe Probe, 12 lifecycle Lifecycle, 13 terminationMessagePath str, 14 imagePullPolicy str, 15 securityContext SecurityContext, 16 stdin bool, 17 stdinOnce ?, 18 tty bool, 19 envFrom [EnvFromSource], 20 terminationMessagePolicy str, 21 volumeDevices ?, 22 startupProbe Probe, 23 resizePolicy ?, 24 restartPolicy ?, 25 restartPolicyRules ?',
  ContainerPort: '1 name str, 2 hostPort int, 3 containerPort int, 4 protocol str, 5 hostIP str',
  EnvVar: '1 name str, 2 value str, 3 valueFrom EnvVarSource',
  EnvVarSource:
    '1 fieldRef ObjectFieldSelector, 2 resourceFieldRef ?, 3 configMapKeyRef KeySelector, 4 secretKeyRef KeySelector, 5 fileKeyRef ?',
  EnvFromSource: '1 prefix str, 2 configMapRef EnvSource, 3 secretRef EnvSource',
  EnvSource: '1 localObjectReference ~LocalObjectReference, 2 optional bool*',
  KeySelector: '1 localObjectReference ~LocalObjectReference, 2 key str, 3 optional bool*',
  ObjectFieldSelector: '1 apiVersion str, 2 fieldPath str',
  ResourceRequirements: '1 limits {qty}, 2 requests {qty}, 3 claims ?',
  VolumeMount:
    '1 name str, 2 readOnly bool, 3 mountPath str, 4 subPath str, 5 mountPropagation ?, 6 subPathExpr ?, 7 recursiveReadOnly ?',
  Probe:
    '1 handler ~Handler, 2 initialDelaySeconds int, 3 timeoutSeconds int, 4 periodSeconds int, 5 successThreshold int, 6 failureThreshold int, 7 terminationGracePeriodSeconds int*',
  Handler: '1 exec ExecAction, 2 httpGet HTTPGetAction, 3 tcpSocket TCPSocketAction, 4 grpc ?*',
  Lifecycle: '1 postStart LifecycleHandler, 2 preStop LifecycleHandler, 3 stopSignal ?',
  LifecycleHandler: '1 exec ExecAction, 2 httpGet HTTPGetAction, 3 tcpSocket TCPSocketAction, 4 sleep SleepAction',
  SleepAction: '1 seconds int*',
  ExecAction: '1 command [str]',
  HTTPGetAction: '1 path str, 2 port intstr, 3 host str, 4 scheme str, 5 httpHeaders [HTTPHeader]',
  HTTPHeader: '1 name str, 2 value str',
  TCPSocketAction: '1 port intstr, 2 host str',
  SecurityContext:
    '1 capabilities Capabilities, 2 privileged bool*, 3 seLinuxOptions ?, 4 runAsUser int*, 5 runAsNonRoot ?, 6 readOnlyRootFilesystem bool*, 7 allowPrivilegeEscalation bool*, 8 runAsGroup int*, 9 procMount ?, 10 windowsOptions ?, 11 seccompProfile ?, 12 appArmorProfile ?',
  Capabilities: '1 add [str], 2 drop [str]',
  Volume: '1 name str, 2 volumeSource ~VolumeSource',
  VolumeSource:
    '1 hostPath HostPathVolumeSource, 2 emptyDir EmptyDirVolumeSource, 3 gcePersistentDisk ?*, 4 awsElasticBlockStore ?*, 5 gitRepo ?*, 6 secret SecretVolumeSource, 7 nfs ?*, 8 iscsi ?*, 9 glusterfs ?*, 10 persistentVolumeClaim ?*, 11 rbd ?*, 12 flexVolume ?*, 13 cinder ?*, 14 cephfs ?*, 15 flocker ?*, 16 downwardAPI ?*, 17 fc ?*, 18 azureFile ?*, 19 configMap ConfigMapVolumeSource, 20 vsphereVolume ?*, 21 quobyte ?*, 22 azureDisk ?*, 23 photonPersistentDisk ?*, 24 portworxVolume ?*, 25 scaleIO ?*, 26 projected ?*, 27 storageos ?*, 28 csi ?*, 29 ephemeral ?*, 30 image ?*',
  EmptyDirVolumeSource: '1 medium str, 2 sizeLimit qty',
  HostPathVolumeSource: '1 path str, 2 type str',
  ConfigMapVolumeSource:
    '1 localObjectReference ~LocalObjectReference, 2 items [KeyToPath], 3 defaultMode int*, 4 optional bool*',
  SecretVolumeSource: '1 secretName str, 2 items [KeyToPath], 3 defaultMode int*, 4 optional bool*',
  KeyToPath: '1 key str, 2 path str, 3 mode int*',

  Deployment: '1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status -',
  DeploymentSpec:
    '1 replicas int*, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, 5 minReadySeconds int, 6 revisionHistoryLimit int*, 7 paused bool, 9 progressDeadlineSeconds int*',
  DeploymentStrategy: '1 type str, 2 rollingUpdate RollingUpdateDeployment',
  RollingUpdateDeployment: '1 maxUnavailable intstr*, 2 maxSurge intstr*',
  ReplicaSet: '1 metadata ObjectMeta, 2 spec ReplicaSetSpec, 3 status -',
  ReplicaSetSpec: '1 replicas int*, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 minReadySeconds int',

  Scale: '1 metadata ObjectMeta, 2 spec ScaleSpec, 3 status -',
  ScaleSpec: '1 replicas int*',
  Eviction: '1 metadata ObjectMeta, 2 deleteOptions DeleteOptions',
  DeleteOptions:
    '1 gracePeriodSeconds int*, 2 preconditions Preconditions, 3 orphanDependents bool*, 4 propagationPolicy str, 5 dryRun [str]',
  Preconditions: '1 uid str, 2 resourceVersion str',
  SelfSubjectAccessReview: '1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec, 3 status -',
  SelfSubjectAccessReviewSpec: '1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes',
  ResourceAttributes:
    '1 namespace str, 2 verb str, 3 group str, 4 version str, 5 resource str, 6 subresource str, 7 name str, 8 fieldSelector -, 9 labelSelector -',
  NonResourceAttributes: '1 path str, 2 verb str',
  SelfSubjectRulesReview: '1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec, 3 status -',
  SelfSubjectRulesReviewSpec: '1 namespace str',
} as const satisfies Record<string, string>;

export type MessageName = keyof typeof SOURCE;

/** Messages that can be a request's body. */
export const ROOTS: ReadonlySet<string> = new Set<MessageName>([
  'Namespace',
  'ConfigMap',
  'Secret',
  'Service',
  'EndpointSlice',
  'NetworkPolicy',
  'Event',
  'Node',
  'Pod',
  'Deployment',
  'ReplicaSet',
  'PriorityClass',
  'PodDisruptionBudget',
  'Scale',
  'Eviction',
  'DeleteOptions',
  'SelfSubjectAccessReview',
  'SelfSubjectRulesReview',
]);

export interface MessageField {
  readonly name: string;
  readonly type: string;
  readonly container: 'none' | 'list' | 'map' | 'inline';
  /** A zero value is kept. */
  readonly pointer: boolean;
}

const parsed = new Map<MessageName, ReadonlyMap<number, MessageField>>();

export function fieldsOf(message: MessageName): ReadonlyMap<number, MessageField> {
  let fields = parsed.get(message);
  if (!fields) {
    fields = new Map(SOURCE[message].split(', ').map(parseField));
    parsed.set(message, fields);
  }
  return fields;
}

export function isMessage(type: string): type is MessageName {
  return Object.hasOwn(SOURCE, type);
}

const CONTAINERS = { '[': 'list', '{': 'map', '~': 'inline' } as const;

function parseField(source: string): [number, MessageField] {
  const [number, name, type] = source.split(' ') as [string, string, string];
  const container = CONTAINERS[type[0] as keyof typeof CONTAINERS] ?? 'none';
  const bare = type.replace(/[[\]{}~*]/g, '');
  return [Number(number), { name, type: bare, container, pointer: type.endsWith('*') }];
}
