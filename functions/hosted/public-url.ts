import { optional } from './environment.ts';

let learned: string | undefined;

/**
 * URL of the installation, for links in mails: its own domain, else the one that CloudFront gave it. That one is made after the
 * functions, so that they can only learn it, from the first request that CloudFront sends them.
 */
export function publicUrl(): string {
  const url = optional('publicUrl') ?? learned;
  if (url === undefined) throw new Error('nobody has asked for anything yet, so the public URL is not known');
  return url;
}

export function learnHost(host: string): void {
  learned ??= `https://${host}`;
}
