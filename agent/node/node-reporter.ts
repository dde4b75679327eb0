import type { NodeStatus } from '../../core/resources/schema/node.ts';
import { abortableDelay } from '../abortable-delay.ts';
import type { EngineState } from '../runtime/engine-watch.ts';
import { firstAddress, hostAddress } from './address.ts';
import { nodeConditions, nodeVerdicts, type Verdict } from './conditions.ts';
import { type HostInfo, nodeInfoOf } from './host-info.ts';
import { type HostUsage, hostUsage, nodeResources } from './resources.ts';

/** The host's own part of a report. */
export interface NodeReporter {
  /** Address of the host in its cluster. */
  readonly address: () => string;
  /** Looks at memory, disks and addresses again. */
  measure(): Promise<void>;
  /** Undefined while there is nothing to say yet: before the first look, and before the engine was asked. */
  status(): NodeStatus | undefined;
}

export interface NodeReporterOptions {
  readonly info: HostInfo;
  readonly nodeName: string;
  readonly version: string;
  readonly server: URL;
  /** The agent's own, whose disk counts beside the engine's. */
  readonly dataDirectory: string;
  readonly engine: () => EngineState;
  readonly stateProblem: () => string | undefined;
  /** Conditions of the pods' network. */
  readonly network: () => readonly Verdict[];
  /** Conditions of updates. */
  readonly updates: () => readonly Verdict[];
  readonly now: () => number;
  /** RFC 3339, in the control plane's time. */
  readonly time: (at: number) => string;
}

/** A report need not wait longer than this for the address; it comes with the next. */
const ADDRESS_WAIT_MS = 1000;

export function nodeReporter(options: NodeReporterOptions): NodeReporter {
  const { info, nodeName, version, server, dataDirectory, engine, stateProblem, network, now, time } = options;
  const since = new Map<string, { status: string; at: number }>();
  let usage: HostUsage | undefined;
  // Which address leads to the control plane takes a look-up of its name: a host that is cut off must not wait for that.
  let address = firstAddress();

  return {
    address: () => address,
    async measure() {
      const state = engine();
      // A host that has just booted may get its address later than the agent starts.
      const looked = hostAddress(server).then((found) => {
        address = found ?? (address.startsWith('127.') ? firstAddress() : address);
      });
      await Promise.race([looked, abortableDelay(ADDRESS_WAIT_MS, AbortSignal.timeout(ADDRESS_WAIT_MS))]);
      usage = await hostUsage([dataDirectory, ...(state.up ? [state.info.DockerRootDir] : [])]);
    },
    status() {
      const state = engine();
      if (!usage || (!state.up && !state.asked)) return undefined;
      const known = nodeVerdicts({ engine: state, usage, stateProblem: stateProblem(), network: network() });
      const verdicts = [...known, ...options.updates()];
      return {
        ...nodeResources(info, usage.disks.at(-1)),
        conditions: nodeConditions(verdicts, since, now(), time),
        addresses: [
          { type: 'InternalIP', address },
          { type: 'Hostname', address: nodeName },
        ],
        nodeInfo: nodeInfoOf(info, state.up ? state.info : undefined, version),
      };
    },
  };
}
