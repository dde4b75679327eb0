import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dynamoClient } from '../../../store/dynamodb.ts';
import { type DynamoCall, DynamoError, dynamoCalls } from '../../../store/dynamo-calls.ts';
import { dynamoTable } from '../../../store/table.ts';

type Answer = { status: number; body: unknown } | 'hang up';
const ok: Answer = { status: 200, body: { Item: { pk: { S: 'a' }, b: { B: 'AQID' } } } };
const fault: Answer = { status: 500, body: { __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError' } };
const throttled: Answer = { status: 400, body: { __type: 'x#ThrottlingException', message: 'slow down' } };

describe('calls to DynamoDB', () => {
  /** Given one after the other; the last one for ever. */
  let answers: Answer[];
  let requests: IncomingMessage[];
  let server: Server;
  let client: DynamoDBClient;
  let call: DynamoCall;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer === 'hang up') return request.socket.destroy();
      return request.resume().on('end', () => response.writeHead(answer.status).end(JSON.stringify(answer.body)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = dynamoClient({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    call = dynamoCalls(client);
  });
  afterEach(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });

  test('are signed, and name their operation', async () => {
    answers = [ok];
    expect(await call('GetItem', {})).toEqual(ok.body);
    expect(requests[0]!.headers).toMatchObject({
      'x-amz-target': 'DynamoDB_20120810.GetItem',
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=embedded\/\d{8}\/embedded\/dynamodb\/aws4_request, /),
    });
  });

  test.each([
    ['faults of the service', fault],
    ['throttling', throttled],
    ['connections that break', 'hang up' as const],
  ])('are sent again after %s', async (_, trouble) => {
    answers = [trouble, trouble, ok];
    await call('GetItem', {});
    expect(requests).toHaveLength(3);
  });

  test('give up after four attempts, with the error by its name', async () => {
    answers = [throttled];
    await expect(call('GetItem', {})).rejects.toThrow(
      expect.objectContaining({ name: 'ThrottlingException', message: 'slow down' }),
    );
    expect(requests).toHaveLength(4);
  });

  test('that are wrong are not sent again', async () => {
    answers = [{ status: 400, body: { __type: 'x#ValidationException', message: 'no' } }];
    await expect(call('GetItem', {})).rejects.toThrow(DynamoError);
    expect(requests).toHaveLength(1);
  });

  test('a conditional put is sent once, whatever happens to it', async () => {
    const table = dynamoTable(client, 'tenant');
    const put = () => table.putIf({ pk: { S: 'a' }, sk: { S: '1' } }, { expression: 'attribute_not_exists(pk)' });
    for (const answer of [fault, throttled, 'hang up' as const]) {
      answers = [answer];
      await expect(put()).rejects.toThrow();
    }
    expect(requests).toHaveLength(3);
  });

  test('what a failed condition found is handed over, bytes as bytes', async () => {
    answers = [{ status: 400, body: { __type: 'x#ConditionalCheckFailedException', message: 'no', Item: { b: { B: 'AQID' } } } }];
    const table = dynamoTable(client, 'tenant');
    const found = await table.putIf({ pk: { S: 'a' }, sk: { S: '1' } }, { expression: 'attribute_not_exists(pk)' });
    expect(found).toEqual({ b: { B: Uint8Array.of(1, 2, 3) } });
  });

  test('are not sent if the check right before says no', async () => {
    answers = [ok];
    const beforeSend = () => {
      throw new Error('too late');
    };
    await expect(call('PutItem', {}, { beforeSend })).rejects.toThrow('too late');
    expect(requests).toHaveLength(0);
  });

  test("go to the region's endpoint when none is given", async () => {
    const { config } = new DynamoDBClient({ region: 'eu-central-1' });
    const url = config.endpointProvider({ Region: 'eu-central-1', UseDualStack: false, UseFIPS: false }).url;
    expect(String(url)).toBe('https://dynamodb.eu-central-1.amazonaws.com/');
  });
});
