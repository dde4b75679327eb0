import * as z from 'zod';

/** POST /node/v1/join: made by the host, signed with its new key (RFC 9421, keyid = the public key). Same key + same token = same answer. */
export const joinRequestSchema = z.object({
  token: z.string().max(200),
  /** Raw Ed25519 public key, base64url, 32 bytes. */
  publicKey: z.string().length(43),
  /** Wished node name (DNS-1123); the host name by default. */
  name: z.string().min(1).max(63),
  labels: z.record(z.string(), z.string()).optional(),
});
export type JoinRequest = z.infer<typeof joinRequestSchema>;

export interface JoinResponse {
  readonly hostId: string;
  readonly nodeName: string;
  readonly tenant: string;
  readonly cluster: string;
  /** ms since the epoch. */
  readonly serverTime: number;
}
