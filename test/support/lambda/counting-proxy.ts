import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Capacity {
  /** DynamoDB's read and write request units. */
  reads: number;
  writes: number;
  calls: number;
}

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems']);

/** Why a call is refused, if it is; `accessKey` says who makes it. */
export type Refuse = (accessKey: string, operation: string, input: object) => string | undefined;

/**
 * Stands before a DynamoDB, refuses what IAM would, and counts what the calls that pass would be charged, as the store itself says.
 */
export async function countingProxy(
  endpoint: string,
  refuse: Refuse = () => undefined,
): Promise<{ endpoint: string; counted: Capacity; close(): void }> {
  const counted: Capacity = { reads: 0, writes: 0, calls: 0 };
  const target = new URL(endpoint);
  const server = createServer((request, response) => {
    void (async () => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const input = JSON.parse((await buffer(request)).toString('utf8')) as object;
      const accessKey = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const refusal = refuse(accessKey, operation, input);
      if (refusal !== undefined) {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify({ __type: 'com.amazon.coral.service#AccessDeniedException', message: refusal }));
        return;
      }
      const body = Buffer.from(JSON.stringify({ ...input, ReturnConsumedCapacity: 'TOTAL' }));
      const headers = { ...request.headers, host: target.host, 'content-length': String(body.length) };
      const onward = send({ host: target.hostname, port: target.port, method: 'POST', path: '/', headers }, (answer) => {
        void (async () => {
          const bytes = await buffer(answer);
          count(operation, bytes);
          const { 'transfer-encoding': _, ...rest } = answer.headers;
          response.writeHead(answer.statusCode ?? 500, { ...rest, 'content-length': String(bytes.length) }).end(bytes);
        })();
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    })();
  });

  function count(operation: string, answer: Buffer): void {
    const { ConsumedCapacity = [] } = JSON.parse(answer.toString('utf8')) as { ConsumedCapacity?: Units | Units[] };
    const units = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
    counted.calls++;
    if (WRITES.has(operation)) counted.writes += units;
    else counted.reads += units;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counted,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Units {
  readonly CapacityUnits?: number;
}
