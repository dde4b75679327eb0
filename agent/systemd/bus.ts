import type { EventEmitter } from 'node:events';
import { type Message, Message as DbusMessage, sessionBus, Variant } from '@jellybrick/dbus-next';
import { callLanes } from './call-lanes.ts';

/** D-Bus as systemd's interfaces need it: calls, signals, and an end. */
export interface Bus {
  /** The answer's body. Throws BusError with what the other side said, or that the bus is gone. */
  call(call: BusCall): Promise<readonly unknown[]>;
  /** Fires once: nothing comes any more. */
  readonly lost: Promise<string>;
  close(): void;
}

export interface BusCall {
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
  /** Asked when it is about to be sent, which may be long after it was called: false means that it isn't, and ends with the error NOT_SENT. */
  readonly still?: () => boolean;
}

export interface BusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export class BusError extends Error {
  override readonly name = 'BusError';
  /** D-Bus' name of the error, such as org.freedesktop.systemd1.NoSuchUnit. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The call was not wanted any more when its turn came. */
export const NOT_SENT = 'dev.terrane.NotSent';
const LOST = 'org.freedesktop.DBus.Error.Disconnected';
const CONNECT_MS_MAX = 10_000;
/** systemd answers while it reloads, too, only later. */
const CALL_MS_MAX = 90_000;

/** Connects to the bus at a unix socket. Throws BusError when nobody answers there. */
export async function connectBus(socket: string, onSignal: (signal: BusSignal) => void): Promise<Bus> {
  const client = sessionBus({ busAddress: `unix:path=${socket}` });
  let end: (reason: string) => void = () => {};
  const lost = new Promise<string>((resolve) => {
    end = resolve;
  });
  // What the library's types leave out: it tells of errors, and of the other side's end on the connection only, leaving calls unanswered.
  const emitters = client as unknown as EventEmitter & { readonly _connection: EventEmitter };
  emitters.on('error', (error: unknown) => end(error instanceof Error ? error.message : String(error)));
  emitters._connection.on('end', () => end('the bus closed the connection'));
  client.on('message', (message: Message) => {
    if (message.type === 4) onSignal(message);
  });
  const orLost = async <T>(answer: Promise<T>, msMax: number): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await Promise.race([
        answer,
        lost.then((reason) => Promise.reject(new BusError(LOST, reason))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new BusError('org.freedesktop.DBus.Error.NoReply', 'no answer came')), msMax);
        }),
      ]);
    } catch (error) {
      const { type, text } = error as { type?: string; text?: string };
      throw type === undefined ? error : new BusError(type, text ?? type);
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    await orLost(new Promise<void>((resolve) => client.once('connect', () => resolve())), CONNECT_MS_MAX);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  const lanes = callLanes();
  return {
    call({ destination = 'org.freedesktop.systemd1', body = [], signature = '', still, ...rest }) {
      const message = new DbusMessage({ ...rest, destination, signature, body: [...body] });
      return lanes(rest.member)(async () => {
        if (still?.() === false) throw new BusError(NOT_SENT, 'it is not wanted any more');
        return (await orLost(client.call(message), CALL_MS_MAX))?.body ?? [];
      });
    },
    lost,
    close() {
      end('closed');
      client.disconnect();
    },
  };
}

/** A value out of its variant. */
export function plainValue(value: unknown): unknown {
  return value instanceof Variant ? value.value : value;
}
