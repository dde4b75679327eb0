/** The parts of the Engine API's objects that the agent reads or writes (docs.docker.com/engine/api, v1.41 to v1.47). */

export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

export interface ContainerDetails {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  /** Image id, `sha256:…`. */
  readonly Image: string;
  readonly RestartCount?: number;
  readonly State: {
    readonly Status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
    readonly Running: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error: string;
    /** RFC 3339 with nanoseconds; 0001-01-01T00:00:00Z = never. */
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly Config: {
    readonly Image: string;
    readonly Cmd?: readonly string[] | null;
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly Tty?: boolean;
  };
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: {
    readonly IPAddress?: string;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
  };
}

export interface Mount {
  readonly Type: 'bind' | 'tmpfs';
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly BindOptions?: { readonly Propagation?: 'rprivate' | 'rslave' };
}

export interface HostConfig {
  NetworkMode?: string;
  IpcMode?: string;
  Mounts?: Mount[];
  Memory?: number;
  MemorySwap?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuShares?: number;
  PidsLimit?: number;
  OomScoreAdj?: number;
  Privileged?: boolean;
  CapAdd?: string[];
  CapDrop?: string[];
  SecurityOpt?: string[];
  ReadonlyRootfs?: boolean;
  GroupAdd?: string[];
  PortBindings?: Record<string, { HostIp?: string; HostPort: string }[]>;
  RestartPolicy?: { Name: string };
  LogConfig?: { Type: string; Config: Record<string, string> };
  ShmSize?: number;
  Dns?: string[];
  DnsSearch?: string[];
  DnsOptions?: string[];
}

export interface ContainerCreate {
  Image: string;
  Hostname?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  User?: string;
  Labels: Record<string, string>;
  ExposedPorts?: Record<string, Record<string, never>>;
  OpenStdin?: boolean;
  Tty?: boolean;
  HostConfig: HostConfig;
}

export interface ImageDetails {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Size: number;
}

export interface EngineInfo {
  readonly ID: string;
  readonly DockerRootDir: string;
  readonly ServerVersion: string;
  readonly Architecture: string;
  readonly OperatingSystem: string;
  readonly KernelVersion: string;
  readonly CgroupVersion?: string;
  readonly SwapLimit?: boolean;
}

export interface NetworkCreate {
  readonly Name: string;
  readonly Driver: 'bridge';
  readonly CheckDuplicate: true;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[] };
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface NetworkDetails {
  readonly Id: string;
  readonly Name: string;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null };
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  /** Attached and running ones; only when one network is asked for. */
  readonly Containers?: Readonly<Record<string, unknown>> | null;
}

export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly time: number;
  readonly timeNano?: number;
}

/** One line of the answer to a pull, import or load. */
export interface ProgressLine {
  readonly status?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}
