import { type AddressInfo, createServer } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import type { ControlPlane } from './control-plane.ts';
import { storeProblem } from './store-problem.ts';

test('that the store is away is told with what becomes of it, and without its port', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'local',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  const problem = await storeProblem({ client, keyspaces: { problem: () => undefined } } as unknown as ControlPlane);
  client.destroy();
  expect(problem).toMatch(/^the store does not answer \(\w+\)\. The server starts it again/);
  expect(problem).not.toContain(String(port));
});
