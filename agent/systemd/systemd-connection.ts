import { type Bus, type BusSignal, connectBus } from './bus.ts';
import { type SystemdManager, systemdManager } from './manager.ts';

/** To the host's systemd, over its bus: made when it is needed, and again after it was lost. */
export interface SystemdConnection {
  /** Gives whether it is a new one: what was seen over another is no longer known to be true. Throws BusError. */
  connect(): Promise<boolean>;
  /** Throws while there is none. */
  manager(): SystemdManager;
  /** Calls that have no answer yet end with an error. */
  disconnect(): void;
  /** For good. */
  close(): void;
}

export interface SystemdConnectionOptions {
  /** Socket of the bus. */
  readonly bus: string;
  /** How to connect to it, in tests. */
  readonly connect?: typeof connectBus;
  readonly onSignal: (signal: BusSignal) => void;
  /** It went away by itself. */
  readonly onLost: (reason: string) => void;
}

export function systemdConnection({
  bus: socket,
  connect = connectBus,
  onSignal,
  onLost,
}: SystemdConnectionOptions): SystemdConnection {
  let current: { readonly bus: Bus; readonly manager: SystemdManager } | undefined;
  let closed = false;

  function disconnect(): void {
    const { bus } = current ?? {};
    current = undefined;
    bus?.close();
  }

  return {
    async connect() {
      if (current) return false;
      const bus = await connect(socket, onSignal);
      const manager = systemdManager(bus);
      current = { bus, manager };
      void bus.lost.then((reason) => {
        if (current?.bus !== bus) return;
        current = undefined;
        if (!closed) onLost(reason);
      });
      if (closed) disconnect();
      else await manager.subscribe();
      return true;
    },
    manager() {
      if (!current) throw new Error('systemd can not be reached');
      return current.manager;
    },
    disconnect,
    close() {
      closed = true;
      disconnect();
    },
  };
}
