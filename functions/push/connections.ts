import type { PushMessage } from '../../core/node/push.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';

/** What the hub needs of a WebSocket. */
export interface PushSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/**
 * The push connections of this process. A host has one; a newer connection replaces the older (a host that lost its network
 * reconnects before the server notices that the old one is dead).
 */
export class Connections {
  readonly #byHost = new Map<string, PushSocket>();

  get size(): number {
    return this.#byHost.size;
  }

  add(host: HostPrincipal, socket: PushSocket): void {
    const key = keyOf(host.tenant, host.cluster, host.nodeName);
    this.#byHost.get(key)?.close(4000, 'replaced by a newer connection');
    this.#byHost.set(key, socket);
  }

  /** Forgets the connection, unless a newer one took its place. */
  remove(host: HostPrincipal, socket: PushSocket): void {
    const key = keyOf(host.tenant, host.cluster, host.nodeName);
    if (this.#byHost.get(key) === socket) this.#byHost.delete(key);
  }

  has({ tenant, cluster, nodeName }: HostPrincipal): boolean {
    return this.#byHost.has(keyOf(tenant, cluster, nodeName));
  }

  /** False when the host isn't connected here. */
  send(tenant: string, cluster: string, nodeName: string, message: PushMessage): boolean {
    const socket = this.#byHost.get(keyOf(tenant, cluster, nodeName));
    socket?.send(JSON.stringify(message));
    return socket !== undefined;
  }

  closeHost(tenant: string, cluster: string, nodeName: string): void {
    this.#byHost.get(keyOf(tenant, cluster, nodeName))?.close(4001, 'the host was removed');
  }

  closeAll(): void {
    for (const socket of this.#byHost.values()) socket.close(1001, 'the control plane is going away');
    this.#byHost.clear();
  }
}

// Tenant and cluster ids and node names have no space.
const keyOf = (tenant: string, cluster: string, nodeName: string): string => `${tenant} ${cluster} ${nodeName}`;
