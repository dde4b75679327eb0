import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a URL of a payload is good for. It is in the path, signed: clients append the file's name, so there is no place for a query. */
export interface PayloadTicket {
  readonly tenant: string;
  readonly cluster: string;
  /** Name of the UpdatePackage. */
  readonly package: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/** A slow line may take its time: clients go on where they were. */
export const TICKET_MS = 24 * 3_600_000;

export function formatTicket({ tenant, cluster, package: name, expiresAt }: PayloadTicket, key: Uint8Array): string {
  const body = Buffer.from(JSON.stringify([tenant, cluster, name, expiresAt])).toString('base64url');
  return `${body}.${sign(body, key).toString('base64url')}`;
}

/** Undefined: it isn't one of ours, or it is over. */
export function parseTicket(text: string, key: Uint8Array, now: number): PayloadTicket | undefined {
  const [body = '', signature = '', ...more] = text.split('.');
  const given = Buffer.from(signature, 'base64url');
  const wanted = sign(body, key);
  if (more.length > 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const [tenant, cluster, name, expiresAt] = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as [
    string,
    string,
    string,
    number,
  ];
  return expiresAt > now ? { tenant, cluster, package: name, expiresAt } : undefined;
}

const sign = (body: string, key: Uint8Array): Buffer => createHmac('sha256', key).update(`payload ${body}`).digest();
