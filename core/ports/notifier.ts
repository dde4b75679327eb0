/** Sends hosts a hint that there is something new. May be lost or repeated: hosts also poll. */
export interface Notifier {
  notify(tenant: string, cluster: string, nodeNames: readonly string[], revision: number): Promise<void>;
}
