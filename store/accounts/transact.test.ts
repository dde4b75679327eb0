import { type DynamoDBClient, TransactionCanceledException, type TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { type Step, transact } from './transact.ts';

/** A client that answers with these cancellations in turn, and then with success. */
function clientAnswering(...answers: string[][]) {
  const tokens: (string | undefined)[] = [];
  const send = async (command: TransactWriteItemsCommand) => {
    tokens.push(command.input.ClientRequestToken);
    const codes = answers.shift();
    if (!codes) return {};
    const CancellationReasons = codes.map((Code) => ({ Code, Item: { n: { N: '7' } } }));
    throw new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons });
  };
  return { client: { send } as unknown as DynamoDBClient, tokens };
}

const waits: number[] = [];
const wait = async (ms: number) => void waits.push(ms);
const step = (code: 'last_owner' | 'email_taken'): Step => ({
  write: {},
  refuse: (found) => new TerraneError(code, JSON.stringify(found)),
});
const steps = [step('last_owner'), step('email_taken')];

describe('a transaction', () => {
  test('that meets contention is tried again, as the same transaction, until it goes through', async () => {
    const { client, tokens } = clientAnswering(['TransactionConflict', 'None'], ['None', 'ThrottlingError']);
    await transact(client, steps, wait);
    expect(tokens).toHaveLength(3);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toEqual(expect.any(String));
  });

  test('that meets nothing but contention ends with an error that says nothing was changed', async () => {
    const { client, tokens } = clientAnswering(...Array.from({ length: 100 }, () => ['TransactionConflict']));
    waits.length = 0;
    await expect(transact(client, steps, wait)).rejects.toMatchObject({ code: 'busy', retryAfter: 1 });
    expect(tokens.length).toBeLessThanOrEqual(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(400);
  });

  test('whose condition fails is refused by the first step that failed, with what stood in the way', async () => {
    const { client, tokens } = clientAnswering(['None', 'ConditionalCheckFailed']);
    await expect(transact(client, steps, wait)).rejects.toMatchObject({ code: 'email_taken', message: '{"n":7}' });
    const both = clientAnswering(['ConditionalCheckFailed', 'ConditionalCheckFailed']);
    await expect(transact(both.client, steps, wait)).rejects.toMatchObject({ code: 'last_owner' });
    expect(tokens).toHaveLength(1);
  });

  test('that is wrong in itself is not tried again', async () => {
    const { client, tokens } = clientAnswering(['ValidationError', 'None']);
    await expect(transact(client, steps, wait)).rejects.toThrow('cancelled');
    expect(tokens).toHaveLength(1);
  });
});
