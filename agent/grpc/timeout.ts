import { GrpcError, STATUS } from './status.ts';

const MILLISECONDS = { H: 3600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 } as const;
/** What Node's timers can hold. */
const TIMER_MAX = 2 ** 31 - 1;

/** The header grpc-timeout in milliseconds; undefined: for ever. Throws GrpcError. */
export function parseTimeout(header: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  if (!digits) throw new GrpcError(STATUS.internal, `malformed grpc-timeout: ${header}`);
  const time = Number(digits) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  return time > TIMER_MAX ? undefined : Math.ceil(time);
}
