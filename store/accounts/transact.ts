import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type DynamoDBClient,
  type TransactWriteItem,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { fromItem, type Row } from './attributes.ts';

/** One item of a transaction, and what it means when its condition doesn't hold. */
export interface Step {
  readonly write: TransactWriteItem;
  /** Makes the error to throw; `found` is the item that stood in the way. Without it a failed condition is a bug. */
  readonly refuse?: (found: Row | undefined) => Error;
}

const ATTEMPTS_MAX = 30;
const PAUSE_MS_MAX = 400;

/** What DynamoDB answers when others write the same items at the same time: nothing was written, and trying again helps. */
const CONTENTION = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** Waits so many ms. */
export type Wait = (ms: number) => Promise<unknown>;

/**
 * Writes all steps or none. The first step whose condition fails names the error, so the order of steps is the order of
 * precedence. Contention is retried here, with jitter; only after about 5 s of it the caller sees `busy`.
 */
export async function transact(client: DynamoDBClient, steps: readonly Step[], wait: Wait = pause): Promise<void> {
  // One token for all attempts: an attempt whose answer was lost is not applied again.
  const command = { TransactItems: steps.map((step) => step.write), ClientRequestToken: randomUUID() };
  for (let attempt = 1; ; attempt++) {
    try {
      await client.send(new TransactWriteItemsCommand(command));
      return;
    } catch (error) {
      if (!contended(error, steps)) throw error;
      if (attempt === ATTEMPTS_MAX) throw new TerraneError('busy', undefined, { retryAfter: 1, cause: error });
      await wait(Math.random() * Math.min(PAUSE_MS_MAX, 10 * 2 ** attempt));
    }
  }
}

/** True if it is worth another attempt; throws the refusal of the first step whose condition failed. */
function contended(error: unknown, steps: readonly Step[]): boolean {
  if (error instanceof Error && error.name === 'TransactionInProgressException') return true;
  if (!(error instanceof TransactionCanceledException)) return false;
  const reasons = error.CancellationReasons ?? [];
  for (const [index, reason] of reasons.entries()) {
    const refuse = steps[index]?.refuse;
    if (reason.Code === 'ConditionalCheckFailed' && refuse) throw refuse(reason.Item && fromItem<Row>(reason.Item));
  }
  return reasons.some((reason) => CONTENTION.has(reason.Code ?? ''));
}
