import { qosClass } from '../../core/resources/pod-spec/qos.ts';
import { milliValue, wholeValue } from '../../core/resources/quantity.ts';
import type { Container, PodSpec } from '../../core/resources/schema/pod.ts';
import type { HostConfig } from '../docker/types.ts';

/** A container without a limit of its own (`pids`) can't take all process ids of the host. */
const PIDS_MAX = 4096;
const CPU_PERIOD_US = 100_000;
/** The kernel's least quota is 1 ms. */
const CPU_QUOTA_MIN_US = 1000;
const CPU_SHARES_MIN = 2;
/** Docker refuses less. */
const MEMORY_MIN_BYTES = 6 * 1024 * 1024;

type Limits = Pick<HostConfig, 'Memory' | 'MemorySwap' | 'CpuPeriod' | 'CpuQuota' | 'CpuShares' | 'PidsLimit' | 'OomScoreAdj'>;

/** Requests and limits as cgroup settings. Memory that is limited can't be swapped, so that the limit means something. */
export function limitsOf(spec: PodSpec, container: Container, hostMemoryBytes: number): Limits {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const memory = limits.memory === undefined ? undefined : Math.max(wholeValue(limits.memory), MEMORY_MIN_BYTES);
  const cpu = limits.cpu === undefined ? 0 : milliValue(limits.cpu);
  const cpuRequest = requests.cpu ?? limits.cpu;
  const shares = cpuRequest === undefined ? CPU_SHARES_MIN : Math.floor((milliValue(cpuRequest) * 1024) / 1000);
  return {
    ...(memory ? { Memory: memory, MemorySwap: memory } : {}),
    ...(cpu > 0 ? { CpuPeriod: CPU_PERIOD_US, CpuQuota: Math.max((cpu * CPU_PERIOD_US) / 1000, CPU_QUOTA_MIN_US) } : {}),
    CpuShares: Math.min(Math.max(shares, CPU_SHARES_MIN), 262_144),
    PidsLimit: limits.pids === undefined ? PIDS_MAX : wholeValue(limits.pids),
    OomScoreAdj: oomScore(spec, container, hostMemoryBytes),
  };
}

/**
 * Who dies first when the host runs out of memory: as Kubernetes ranks them, but never below 0: that would need a capability
 * the engine may not have.
 */
function oomScore(spec: PodSpec, container: Container, hostMemoryBytes: number): number {
  switch (qosClass(spec)) {
    case 'Guaranteed':
      return 0;
    case 'BestEffort':
      return 1000;
    case 'Burstable': {
      const request = container.resources?.requests?.memory ?? container.resources?.limits?.memory;
      const share = request === undefined ? 0 : wholeValue(request) / hostMemoryBytes;
      return Math.min(Math.max(Math.floor(1000 - 1000 * share), 2), 999);
    }
  }
}
