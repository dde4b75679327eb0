/** What a host enforces of NetworkPolicies: of its own pods, those that a policy isolates. Made by assigned-policies-of.ts. */
export interface AssignedPolicies {
  readonly pods: readonly AssignedIsolation[];
  /** What `ingress` and `egress` refer to. */
  readonly rules: readonly AssignedPolicyRule[];
  readonly groups: readonly AssignedGroup[];
}

/** Only what one of the rules allows may pass; undefined: everything. Indexes into `rules`. */
export interface AssignedIsolation {
  readonly uid: string;
  readonly ingress?: readonly number[];
  readonly egress?: readonly number[];
}

export interface AssignedPolicyRule {
  /** Of whom, or to whom; undefined: of anybody. Any of them will do. */
  readonly peers?: {
    /** Ids of groups. */
    readonly groups: readonly string[];
    readonly blocks: readonly { readonly cidr: string; readonly except: readonly string[] }[];
  };
  /** Undefined: all, whatever the protocol. */
  readonly ports?: readonly AssignedPolicyPorts[];
}

export interface AssignedPolicyPorts {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Undefined: all of the protocol. */
  readonly from?: number;
  readonly to?: number;
}

/** Pods that selectors find, wherever they are. Its id stays when its pods come and go. */
export interface AssignedGroup {
  readonly id: string;
  readonly addresses: readonly string[];
}
