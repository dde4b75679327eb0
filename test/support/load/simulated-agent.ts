import { generateKeyPairSync } from 'node:crypto';
import os from 'node:os';
import { serverTime } from '../../../agent/clock-offset.ts';
import { join } from '../../../agent/identity/join.ts';
import type { Engine } from '../../../agent/docker/engine.ts';
import { type SignedClient, signedClient } from '../../../agent/uplink/signed-client.ts';
import { startUplink, type Uplink } from '../../../agent/uplink/uplink.ts';
import { rawPublicKey } from '../../../core/node/http-signature.ts';
import type { Assignment } from '../../../core/node/assignment.ts';
import type { PodReport, Report } from '../../../core/node/report.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import type { Timings } from './timings.ts';

/** A host that is all uplink: the agent's own code to the control plane, and behind it pods that run as soon as they are assigned. */
export class SimulatedAgent {
  readonly name: string;
  readonly #client: SignedClient;
  readonly #stop = new AbortController();
  readonly #started = new Date().toISOString();
  readonly #timings: Timings;
  readonly #errors: string[];
  readonly #key: string;
  readonly #uid = new Map<string, PodReport>();
  #uplink: Uplink | undefined;
  #assignment: Assignment | undefined;
  #observed = 0;
  /** When the assignment came that is in force, ms since the process' start. */
  assignedAt = 0;

  constructor(name: string, server: URL, timings: Timings, errors: string[]) {
    this.name = name;
    this.#timings = timings;
    this.#errors = errors;
    const { privateKey } = generateKeyPairSync('ed25519');
    this.#key = rawPublicKey(privateKey);
    const time = serverTime({ now: () => Date.now() });
    const client = signedClient({ server, ca: undefined, keyId: this.#key, privateKey, time, log: silentLogger });
    this.#client = { ...client, send: (request) => this.#timed(client, request) };
  }

  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  get pushConnected(): boolean {
    return this.#uplink?.pushConnected() ?? false;
  }

  async join(token: string): Promise<void> {
    const request = { token, publicKey: this.#key, name: this.name };
    await join({ client: this.#client, request, log: silentLogger, random: Math.random, signal: this.#stop.signal });
  }

  start(): void {
    this.#uplink = startUplink({
      client: this.#client,
      log: silentLogger,
      uptime: () => os.uptime() * 1000,
      random: Math.random,
      signal: this.#stop.signal,
      count: () => undefined,
      report: () => this.#report(),
      assignment: () => this.#assignment,
      onAssignment: async (next) => this.#assign(next),
      onRevoked: (message) => void this.#errors.push(`${this.name}: ${message}`),
      lease: { fenced: () => false, holds: () => true, renew: () => undefined, confirm: () => undefined, endSeconds: () => 0 },
      onKv: () => undefined,
      onBack: () => undefined,
      logSources: {
        engine: {} as Engine,
        pods: () => [],
        own: () => [],
        now: () => Date.now(),
        diagnose: async () => ({ node: this.name, findings: [] }),
      },
    });
    this.#uplink.check(true);
  }

  stop(): void {
    this.#stop.abort();
    this.#uplink?.close();
    this.#client.close();
  }

  async #timed(client: SignedClient, request: Parameters<SignedClient['send']>[0]): ReturnType<SignedClient['send']> {
    const since = performance.now();
    const name = request.path.replace('/node/v1/', '');
    try {
      const answer = await client.send(request);
      this.#timings.add(name, performance.now() - since);
      // Before its first report has made the Node, there is no assignment.
      const early = name === 'assignment' && answer.status === 404 && this.#assignment === undefined;
      if (answer.status >= 400 && !early)
        this.#errors.push(`${this.name}: ${name} ${answer.status} ${answer.body.slice(0, 200)}`);
      return answer;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#errors.push(`${this.name}: ${name} ${String(error)}`);
      throw error;
    }
  }

  #assign(next: Assignment): void {
    this.#assignment = next;
    this.#observed = next.revision;
    this.assignedAt = performance.now();
    const uids = new Set(next.pods.map(({ metadata }) => metadata.uid));
    for (const uid of this.#uid.keys()) if (!uids.has(uid)) this.#uid.delete(uid);
    for (const pod of next.pods) this.#uid.set(pod.metadata.uid, this.#podReport(pod));
    this.#uplink?.check(true);
  }

  #podReport({ metadata, spec }: Pod): PodReport {
    const { namespace = '', name, uid, deletionTimestamp } = metadata;
    const known = this.#uid.get(uid);
    if (deletionTimestamp) return { namespace, name, uid, status: known?.status ?? { phase: 'Running' }, gone: true };
    if (known) return known;
    const at = new Date().toISOString();
    return {
      namespace,
      name,
      uid,
      status: {
        phase: 'Running',
        podIP: '10.0.0.9',
        startTime: at,
        conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' as const, lastTransitionTime: at })),
        containerStatuses: spec.containers.map(({ name: container, image }) => ({
          name: container,
          image,
          imageID: '',
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: at } },
          lastState: {},
        })),
      },
    };
  }

  #report(): { report: Report; key: string } {
    const resources = { cpu: '4', memory: '8Gi', pods: '110' };
    const pods = [...this.#uid.values()];
    const report: Report = {
      agentVersion: 'load',
      bootId: this.name,
      observedRevision: this.#observed,
      labels: { 'kubernetes.io/hostname': this.name },
      events: [],
      pods,
      node: {
        capacity: resources,
        allocatable: resources,
        conditions: [{ type: 'Ready', status: 'True', reason: 'AgentReady', lastTransitionTime: this.#started }],
      },
    };
    return { report, key: JSON.stringify([this.#observed, pods]) };
  }
}
