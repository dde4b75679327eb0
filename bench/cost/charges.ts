import type { Capacity } from '../../test/support/lambda/counting-proxy.ts';
import { PRICES } from './prices.ts';

/** What AWS charges for, of one thing that happens. */
export interface Charges extends Capacity {
  invocations: number;
  gbSeconds: number;
  frontRequests: number;
  messages: number;
  connectionMinutes: number;
}

export const NOTHING: Charges = {
  reads: 0,
  writes: 0,
  calls: 0,
  invocations: 0,
  gbSeconds: 0,
  frontRequests: 0,
  messages: 0,
  connectionMinutes: 0,
};

/** So many times each, in all. Never less than nothing, which a straight line may come to. */
export function combined(...terms: readonly (readonly [times: number, charges: Charges])[]): Charges {
  const sum = (name: keyof Charges) =>
    Math.max(
      0,
      terms.reduce((total, [times, charges]) => total + times * charges[name], 0),
    );
  const names = Object.keys(NOTHING) as (keyof Charges)[];
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as Charges;
}

export function line(name: string, charges: Charges): string {
  const { reads, writes, invocations, gbSeconds } = charges;
  const price = `${(usd(charges) * 1e6).toFixed(2).padStart(7)} USD per million`;
  return `${name.padEnd(11)} ${reads.toFixed(1).padStart(6)} RRU ${writes.toFixed(1).padStart(6)} WRU ${invocations.toFixed(1).padStart(5)} inv ${(gbSeconds * 1000).toFixed(1).padStart(7)} GB-ms  ${price}`;
}

export function usd(charges: Charges): number {
  return (
    charges.reads * PRICES.dynamoReadUnit +
    charges.writes * PRICES.dynamoWriteUnit +
    charges.invocations * PRICES.lambdaRequest +
    charges.gbSeconds * PRICES.lambdaGbSecond +
    charges.frontRequests * PRICES.cloudFrontRequest +
    charges.messages * PRICES.webSocketMessage +
    charges.connectionMinutes * PRICES.webSocketMinute
  );
}
