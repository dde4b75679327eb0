import { createHash } from 'node:crypto';
import type { Assignment } from '../../core/node/assignment.ts';
import type { PodReport } from '../../core/node/report.ts';
import type { InboxItem } from '../../core/ports/inbox.ts';
import type { Pod, PodStatus } from '../../core/resources/schema/pod.ts';
import { heard, nodeStatus, running, SECOND } from '../support/builders.ts';

/** An agent stops its work when it could not reach the control plane for so long (decision 6): before a replacement may start. */
const FENCE_MS = 40 * SECOND;
const REPORT_MS = 20 * SECOND;
const START_MS = 5 * SECOND;

interface Container {
  readonly pod: Pod;
  readonly startedAt: number;
  readonly ip: string;
}

/** A host as the control plane sees it: it does what it is assigned, a little later, and says so. */
export class FakeHost {
  readonly name: string;
  readonly cpu: string;
  /** False: cut off. What it runs goes on until its lease runs out. */
  connected = true;
  readonly #containers = new Map<string, Container>();
  #gone: PodReport[] = [];
  readonly #subnet: number;
  #addresses = 0;
  #lastContact: number;
  #lastReport = Number.NEGATIVE_INFINITY;
  #told = '';

  constructor(name: string, cpu: string, now: number) {
    this.name = name;
    this.cpu = cpu;
    this.#subnet = createHash('sha256').update(name).digest().readUInt16BE(0);
    this.#lastContact = now;
  }

  /** uids of the pods that really run. */
  get running(): string[] {
    return [...this.#containers.keys()];
  }

  /** The power fails: nothing runs any more. */
  crash(): void {
    this.connected = false;
    this.#containers.clear();
  }

  /** Makes the assignment true, if it can be reached; returns what it reports, if anything. */
  step(assignment: Assignment | undefined, now: number): InboxItem | undefined {
    if (!this.connected) {
      if (now - this.#lastContact >= FENCE_MS) this.#containers.clear();
      return undefined;
    }
    this.#lastContact = now;
    if (assignment) this.#follow(assignment, now);
    return this.#report(now);
  }

  #follow({ pods }: Assignment, now: number): void {
    const wanted = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
    for (const uid of this.#containers.keys()) if (!wanted.has(uid)) this.#containers.delete(uid);
    this.#gone = [];
    for (const [uid, pod] of wanted) {
      if (pod.metadata.deletionTimestamp) {
        this.#containers.delete(uid);
        const { namespace = '', name } = pod.metadata;
        this.#gone.push({ namespace, name, uid, status: { phase: 'Succeeded' }, gone: true });
      } else if (!this.#containers.has(uid)) this.#containers.set(uid, { pod, startedAt: now, ip: this.#address() });
    }
  }

  #address(): string {
    const number = ++this.#addresses % 256;
    return `10.${this.#subnet >> 8}.${this.#subnet & 255}.${number}`;
  }

  #report(now: number): InboxItem | undefined {
    const pods = Array.from(this.#containers, ([uid, { pod, startedAt, ip }]): PodReport => {
      const { namespace = '', name } = pod.metadata;
      return { namespace, name, uid, status: statusAt(now - startedAt, ip) };
    });
    const item = heard(this.name, now, { node: nodeStatus({ cpu: this.cpu }), pods: [...pods, ...this.#gone] });
    const told = JSON.stringify(item.report);
    if (told === this.#told && now - this.#lastReport < REPORT_MS) return undefined;
    this.#told = told;
    this.#lastReport = now;
    return item;
  }
}

function statusAt(age: number, podIP: string): PodStatus {
  return age < START_MS ? { phase: 'Pending' } : { ...running(true), podIP };
}
