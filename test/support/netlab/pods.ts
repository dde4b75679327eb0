import type { Node } from '../../../core/resources/schema/node.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import type { CommandResult } from '../../e2e/support/installation.ts';
import { eventually } from '../eventually.ts';
import { BUSYBOX } from '../images.ts';
import type { LabHost, Netlab } from './netlab.ts';

/** A pod in the lab: a web server that tells its name. */
export interface LabPod {
  readonly name: string;
  readonly host: LabHost;
  readonly ip: string;
  /** Runs a program of this machine in the pod's network. */
  run(command: string, ...args: string[]): Promise<CommandResult>;
  /** Packets are sent until one is there and back: throws if none is in 5 s. */
  ping(to: string, ...args: string[]): Promise<void>;
  /** What it printed so far. */
  logs(): Promise<string>;
}

/** Its log says who asked. */
const WEB = 'mkdir /tmp/www; echo "$HOSTNAME" > /tmp/www/index.html; exec httpd -f -v -p 80 -h /tmp/www';

function manifest(name: string, node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'web', image: BUSYBOX, imagePullPolicy: 'Never', command: ['/bin/sh', '-c', WEB] }],
    },
  };
}

/** Waits until all hosts of the lab are ready, and starts one pod on each of `hosts` (default: all). */
export async function startPods(lab: Netlab, hosts: readonly LabHost[] = lab.hosts, suffix = ''): Promise<LabPod[]> {
  await allReady(lab, hosts);
  const list = hosts.map((host) => manifest(`${host.name}${suffix}`, host.name));
  const { code, stderr } = await lab.installation.terrane(['apply', '-f', '-'], {
    stdin: list.map((one) => JSON.stringify(one)).join('\n---\n'),
  });
  if (code !== 0) throw new Error(stderr);
  return Promise.all(hosts.map((host) => podOn(lab, host, `${host.name}${suffix}`)));
}

export async function allReady(lab: Netlab, hosts: readonly LabHost[] = lab.hosts): Promise<void> {
  await eventually(
    'the hosts are ready',
    async () => {
      const nodes = await nodesOf(lab);
      for (const { name } of hosts) {
        const node = nodes.find(({ metadata }) => metadata.name === name);
        const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
        if (ready !== 'True') throw new Error(`${name} is not ready:\n${lab.host(name).agent().tail()}`);
      }
    },
    { timeoutMs: 90_000 },
  );
}

export async function nodesOf(lab: Netlab): Promise<Node[]> {
  return (await lab.installation.terraneJson<{ items: Node[] }>(['get', 'nodes', '-o', 'json'])).items;
}

async function podOn(lab: Netlab, host: LabHost, name: string): Promise<LabPod> {
  const pod = await eventually(
    `pod ${name} has an address`,
    async () => {
      const { items } = await lab.installation.terraneJson<{ items: Pod[] }>(['get', 'pods', '-o', 'json']);
      const found = items.find(({ metadata }) => metadata.name === name);
      if (!found?.status?.podIP) throw new Error(`${JSON.stringify(found?.status)}\n${host.agent().tail()}`);
      return found;
    },
    { timeoutMs: 90_000 },
  );
  const id = (await host.docker('ps', '-q', '--filter', `label=terrane.dev/pod-uid=${pod.metadata.uid}`)).trim();
  const pid = (await host.docker('inspect', '--format', '{{.State.Pid}}', id)).trim();
  const run: LabPod['run'] = (command, ...args) => host.run('nsenter', '-t', pid, '-n', command, ...args);
  return {
    name,
    host,
    async logs() {
      const { stdout, stderr } = await host.run('docker', '-H', `unix://${host.engine.socket}`, 'logs', id);
      return stdout + stderr;
    },
    ip: pod.status!.podIP!,
    run,
    async ping(to, ...args) {
      // Again and again until one is answered: on a busy machine, a second may be too short.
      const { code, stdout, stderr } = await run('ping', '-n', '-c', '1', '-i', '0.2', '-w', '5', ...args, to);
      if (code !== 0) throw new Error(`${name} does not reach ${to}: ${stdout}${stderr}`);
    },
  };
}

/** Every pod reaches every other one by its address. */
export async function allPairs(pods: readonly LabPod[]): Promise<void> {
  for (const from of pods) for (const to of pods) if (from !== to) await from.ping(to.ip);
}
