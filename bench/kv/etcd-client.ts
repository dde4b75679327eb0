import { Http2Connection } from './http2-connection.ts';

/** The few requests of etcd's gRPC API that the benchmark makes (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/). */

const PATH = {
  range: '/etcdserverpb.KV/Range',
  put: '/etcdserverpb.KV/Put',
  watch: '/etcdserverpb.Watch/Watch',
} as const;

export class EtcdClient {
  readonly #connection: Http2Connection;

  private constructor(connection: Http2Connection) {
    this.#connection = connection;
  }

  static async open(host: string, port: number): Promise<EtcdClient> {
    return new EtcdClient(await Http2Connection.open(host, port));
  }

  put(key: string, value: Buffer): Promise<Buffer> {
    return this.#connection.call(PATH.put, Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, value)]));
  }

  range(key: string, serializable: boolean): Promise<Buffer> {
    const request = bytesField(1, Buffer.from(key));
    return this.#connection.call(PATH.range, serializable ? Buffer.concat([request, Buffer.from([(7 << 3) | 0, 1])]) : request);
  }

  /** All keys from `key` on, in one answer. */
  rangeFrom(key: string): Promise<Buffer> {
    return this.#connection.call(PATH.range, Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, Buffer.from([0]))]));
  }

  /** Watches one key. Resolves when the watch is made; then calls back for each answer with events. */
  watch(key: string, onEvents: (answer: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let created = false;
      const stream = this.#connection.begin(PATH.watch, {
        onMessage: (answer) => {
          if (created) onEvents(answer);
          created = true;
          resolve();
        },
        onEnd: (failed) => reject(new Error(failed ?? 'the watch was refused')),
      });
      stream.send(bytesField(1, bytesField(1, Buffer.from(key))), false);
    });
  }

  close(): void {
    this.#connection.close();
  }
}

/** A field of protobuf's length-delimited kind. */
function bytesField(number: number, value: Buffer): Buffer {
  const head = [(number << 3) | 2];
  let length = value.length;
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...head, length]), value]);
}
