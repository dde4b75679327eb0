/**
 * What a host routes and names: every Service of the cluster, in the order of namespace and name. Part of the assignment;
 * made by assigned-services-of.ts. Only endpoints that take traffic now are listed, so an endpoint that isn't ready changes nothing.
 */
export interface AssignedService {
  readonly namespace: string;
  readonly name: string;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Undefined: headless, or an ExternalName. */
  readonly clusterIP?: string;
  /** Of an ExternalName: where its name points. No dot at the end. */
  readonly externalName?: string;
  /** Traffic that comes to a host for these is routed as if it were for the cluster IP. */
  readonly externalIPs?: readonly string[];
  /** sessionAffinity ClientIP: a client keeps its endpoint until it was silent for so long, seconds. */
  readonly affinitySeconds?: number;
  /** externalTrafficPolicy Local: what comes from outside goes to endpoints on the host where it arrived only, with its source address. */
  readonly externalLocal?: true;
  /** internalTrafficPolicy Local: what comes from pods goes to endpoints on their own host only. */
  readonly internalLocal?: true;
  readonly ports: readonly AssignedPort[];
  /** Endpoints by the ports that they have. Headless: these are its addresses, with or without ports. */
  readonly subsets: readonly AssignedSubset[];
}

export interface AssignedPort {
  /** Undefined: the only port, without a name. */
  readonly name?: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
  readonly nodePort?: number;
}

export interface AssignedSubset {
  /** For each of the Service's ports, in its order, the port of the endpoints; null: they don't have it. */
  readonly ports: readonly (number | null)[];
  /** By address. */
  readonly endpoints: readonly AssignedEndpoint[];
}

export interface AssignedEndpoint {
  readonly ip: string;
  /** The host it is on; undefined: outside of the cluster. */
  readonly node?: string;
  /** Its own name under a headless Service: `<hostname>.<service>.<namespace>.svc...` */
  readonly hostname?: string;
  /** Name of the pod, in the Service's namespace. */
  readonly pod?: string;
}
