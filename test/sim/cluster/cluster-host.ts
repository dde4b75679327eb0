import type { Report } from '../../../core/node/report.ts';
import { SYSTEMD_LABEL } from '../../../core/node/systemd-label.ts';
import { FencedHost } from '../fencing/fenced-host.ts';
import type { Told } from '../fencing/sim-guard.ts';
import { SimSystemd } from './sim-systemd.ts';
import { isFencedName } from './workload.ts';

export interface HostOptions {
  readonly name: string;
  /** How fast its clock runs. */
  readonly rate: number;
  readonly systemd: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** A bug put in on purpose: fenced work runs on when the lease is over. */
  readonly unfenced?: boolean;
  /** Another: nobody ends fenced work if the agent doesn't. */
  readonly unguarded?: boolean;
}

/** A host with a container engine and systemd, and the agent's real planners and lease. */
export class ClusterHost extends FencedHost {
  readonly options: HostOptions;
  readonly systemd = new SimSystemd();
  /** What it reported last. */
  told = '';

  constructor(options: HostOptions) {
    super(options.name, options.rate, options.unguarded);
    this.options = options;
  }

  override killAgent(): void {
    super.killAgent();
    this.systemd?.agentDied();
  }

  override reboot(): void {
    super.reboot();
    this.systemd.reboot();
  }

  override tick(real: number, slowness: number): void {
    const slept = this.paused;
    super.tick(real, slowness);
    if (slept || this.paused) return;
    this.systemd.passTime(real);
    if (!this.agent || !this.attends || !this.options.systemd) return;
    const { keeper } = this.agent;
    const at = keeper.lapsedAt();
    // The planner's time is the host's; here it is all in real time, which the grace hardly tells apart.
    const since = at === undefined || this.options.unfenced ? undefined : real - (this.clock() - at) / this.rate;
    this.systemd.drive({
      real,
      assigned: this.assignment?.units ?? [],
      lapsed: since === undefined ? undefined : { at: since, graceSeconds: keeper.graceSeconds() / this.rate },
      mayRun: () => this.options.unfenced || keeper.holds(),
      lease: keeper.number(),
      onStart: (unit) => this.guard.start({ units: [unit] }),
      slowness: Math.min(slowness, 1_000),
    });
  }

  protected override guardKills(what: Pick<Told, 'containers' | 'units'>): void {
    if (this.options.unfenced) return;
    super.guardKills(what);
    for (const unit of what.units) this.systemd.killed(unit);
  }

  protected override fencedUnits(): readonly string[] {
    const fenced = new Set((this.assignment?.units ?? []).filter((unit) => unit.fenced).map(({ name }) => name));
    // One that was taken away from it may still be stopping.
    return this.systemd.running.filter((name) => fenced.has(name) || isFencedName(name));
  }

  /** What it says of itself, beside the node's own facts. */
  report(): Pick<Report, 'pods' | 'units' | 'labels'> {
    const { name, systemd, labels } = this.options;
    return {
      pods: this.podReports(),
      units: systemd ? this.systemd.reports(this.assignment?.units ?? []) : [],
      labels: { 'kubernetes.io/hostname': name, [SYSTEMD_LABEL]: String(systemd), ...labels },
    };
  }
}
