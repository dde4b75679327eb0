/** The few calls of etcd v3 that flannel's books take, by its JSON gateway (etcd.io/docs: gRPC gateway). Bytes are base64, numbers texts. */
export interface FlannelEtcd {
  /** Keys from `key` up to `rangeEnd`, or just `key`. */
  range(key: string, rangeEnd?: string): Promise<readonly { key: string; value: string; modRevision: string; lease: string }[]>;
  grant(seconds: number): Promise<string>;
  keepAlive(lease: string): Promise<boolean>;
  revoke(lease: string): Promise<void>;
  /** Puts the key if it is as it was seen (`modRevision` '0': not there). False if it isn't. */
  putIf(key: string, modRevision: string, value: string, lease: string): Promise<boolean>;
  deleteIf(key: string, modRevision: string): Promise<boolean>;
}

const TIMEOUT_MS = 3_000;

interface RangeAnswer {
  readonly kvs?: readonly {
    readonly key: string;
    readonly value?: string;
    readonly mod_revision: string;
    readonly lease?: string;
  }[];
}

/** `endpoint` such as http://10.0.0.1:2379. Every call throws when no etcd answers. */
export function flannelEtcd(endpoint: string): FlannelEtcd {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const text = (bytes: string) => Buffer.from(bytes, 'base64').toString();

  async function call<T>(path: string, body: object): Promise<T> {
    const response = await fetch(new URL(`/v3/${path}`, endpoint), {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`etcd answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
    return (await response.json()) as T;
  }

  async function txn(key: string, modRevision: string, success: object): Promise<boolean> {
    const compare = [{ key: base64(key), target: 'MOD', result: 'EQUAL', mod_revision: modRevision }];
    return (await call<{ succeeded?: boolean }>('kv/txn', { compare, success: [success] })).succeeded === true;
  }

  return {
    async range(key, rangeEnd) {
      const { kvs = [] } = await call<RangeAnswer>('kv/range', {
        key: base64(key),
        ...(rangeEnd !== undefined && { range_end: base64(rangeEnd) }),
      });
      return kvs.map((kv) => ({
        key: text(kv.key),
        value: text(kv.value ?? ''),
        modRevision: kv.mod_revision,
        lease: kv.lease ?? '0',
      }));
    },
    grant: async (seconds) => (await call<{ ID: string }>('lease/grant', { TTL: String(seconds) })).ID,
    async keepAlive(lease) {
      const { result } = await call<{ result?: { TTL?: string } }>('lease/keepalive', { ID: lease });
      return Number(result?.TTL ?? 0) > 0;
    },
    async revoke(lease) {
      await call('lease/revoke', { ID: lease });
    },
    putIf: (key, modRevision, value, lease) =>
      txn(key, modRevision, { request_put: { key: base64(key), value: base64(value), lease } }),
    deleteIf: (key, modRevision) => txn(key, modRevision, { request_delete_range: { key: base64(key) } }),
  };
}
