import { NAME_OF_MACHINE, type Platform } from './platforms.ts';

/** The files that make a machine join at its first boot. They hold the join token: only root may read them. */
export interface JoinService {
  readonly script: { readonly path: string; readonly mode: number; readonly content: string };
  readonly unit: { readonly name: string; readonly content: string };
}

export interface JoinServiceOptions {
  readonly platform: Platform;
  /** The line that joins a host (core/accounts/join-command.ts). */
  readonly joinLine: string;
  /** Of the node; without it, the platform's name of the machine, or its host name. */
  readonly name?: string | undefined;
}

const SCRIPT = '/etc/terrane-join.sh';
const UNIT = 'terrane-join.service';

/** A service that tries until the machine has joined, and then takes itself and the token away. */
export function joinService({ platform, joinLine, name }: JoinServiceOptions): JoinService {
  const ask = NAME_OF_MACHINE[platform];
  const naming =
    name !== undefined
      ? `TERRANE_NAME='${name}'`
      : ask === undefined
        ? undefined
        : [
            `get() { curl -fsS --noproxy '*' --connect-timeout 2 --max-time 5 --retry 5 "$@"; }`,
            // What a person has called it may have blanks; of what is left, the control plane makes a node's name.
            `TERRANE_NAME=$({ ${ask}; } | tr -cs 'A-Za-z0-9.\\n' '-') || TERRANE_NAME=`,
          ].join('\n');
  const content = [
    '#!/bin/sh',
    '# Joins this machine to its Terrane cluster: made by `terrane node config`. It goes away when that is done.',
    'set -eu',
    ...(naming === undefined ? [] : [naming, 'export TERRANE_NAME']),
    // Not the line alone: what fails amid "&&" ends no shell by `set -e`, and this would take itself away from a machine that hasn't joined.
    '{',
    joinLine,
    '} || exit',
    `rm -f ${SCRIPT} /etc/systemd/system/${UNIT} /etc/systemd/system/multi-user.target.wants/${UNIT}`,
    '',
  ].join('\n');
  const unit = [
    '[Unit]',
    'Description=Join this machine to its Terrane cluster',
    'Wants=network-online.target',
    'After=network-online.target docker.socket docker.service',
    `ConditionPathExists=${SCRIPT}`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    // Nothing waits for it, and a oneshot service may have Restart= only since systemd 244.
    'Type=simple',
    `ExecStart=/bin/sh ${SCRIPT}`,
    // The network, or the control plane, may come later than the machine.
    'Restart=on-failure',
    'RestartSec=10',
    // The token is used up or expired (agent/install/install.sh): another boot tries again.
    'RestartPreventExitStatus=78',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
  return { script: { path: SCRIPT, mode: 0o700, content }, unit: { name: UNIT, content: unit } };
}
