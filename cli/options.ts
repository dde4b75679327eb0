import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSeconds } from './output/age.ts';
import type { SessionOptions } from './session.ts';

/** Options that many commands share, so that they are the same everywhere. */

export function withSession(command: Command): Command {
  return command
    .option('--server <url>', 'control plane (TERRANE_SERVER)')
    .option('--context <name>', 'context of the configuration (terrane context list)');
}

export function withCluster(command: Command): Command {
  return withSession(command).option('--cluster <name>', 'cluster (TERRANE_CLUSTER)');
}

export function withNamespace(command: Command): Command {
  return withCluster(command).option('-n, --namespace <name>', 'namespace', 'default');
}

export interface NamespaceOptions extends SessionOptions {
  readonly namespace: string;
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number.');
  return Number(text);
}

/** In seconds. */
export function timeSpan(text: string): number {
  const seconds = parseSeconds(text);
  if (seconds === undefined) throw new InvalidArgumentError('expected a time such as 90s, 15m, 1h or 30d.');
  return seconds;
}

/** An option for a time, which says its default as people write it. */
export function timeOption(flags: string, description: string, defaultText: string): Option {
  return new Option(flags, description).argParser(timeSpan).default(timeSpan(defaultText), defaultText);
}

export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** For commands that may meet a control plane for the first time. */
export function withTrust(command: Command): Command {
  return withSession(command)
    .option('--ca <file>', "the control plane's own certificate authority (PEM)")
    .option('--ca-fingerprint <sha256>', 'trust the authority that the control plane shows if it has this fingerprint');
}
