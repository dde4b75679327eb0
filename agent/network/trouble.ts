import { messageOf } from '../docker/errors.ts';
import { ToolMissing } from '../kernel/command.ts';

/** Why this host's part of the pods' network is not as it should be: the reason and message of an Event and of a condition. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

export const ANOTHER_AGENT: Trouble = {
  reason: 'AnotherAgent',
  message: "another agent on this machine has the pods' network: stop it, or start this one with --pod-network none",
};

export const noAddress = (address: string): Trouble => ({
  reason: 'NoAddress',
  message: `no device of this host has the address ${address}, by which others should reach it`,
});

/** Nothing was programmed for it. */
export const refusedClash = (network: string, clash: string): Trouble => ({
  reason: 'NetworkClash',
  message: `the pods' network ${network} overlaps ${clash} on this host: give the Network other addresses, or this host`,
});

/** It came beside a network that pods talk by. */
export const sufferedClash = (network: string, clash: string): Trouble => ({
  reason: 'NetworkClash',
  message: `${clash}, overlaps the pods' network ${network} on this host, and takes packets away from it`,
});

export function asTrouble(error: unknown): Trouble {
  if (error instanceof ToolMissing) return { reason: 'ToolMissing', message: `${error.message}: ${error.fix}` };
  return { reason: 'NetworkNotProgrammed', message: messageOf(error) };
}
