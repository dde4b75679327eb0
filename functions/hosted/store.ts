import type { Clock } from '../../core/ports/clock.ts';
import { dynamoClient, type TableNames } from '../../store/dynamodb.ts';
import { dynamoInbox } from '../../store/inbox.ts';
import { type KeyspacesOptions, openKeyspaces } from '../../store/keyspaces.ts';
import { required } from './environment.ts';
import { lambdaLogger } from './logger.ts';

/**
 * The process' one DynamoDB client and its replicas. They live as long as Lambda keeps the process: a warm function's linearizable
 * read costs one GetItem. Region, credentials and endpoint come from Lambda's environment, as always with the SDK.
 */
export type HostedStore = ReturnType<typeof hostedStore>;

/** Part of the function's memory that replicas may take before those used least recently are forgotten. */
const REPLICAS_SHARE = 0.4;
/** Watched replicas look for what other processes wrote: one read unit each time, only while somebody watches. */
const POLL_MS = 1_000;

export function hostedStore(options: Pick<KeyspacesOptions, 'onBeside'> = {}) {
  const clock: Clock = { now: () => Date.now() };
  const log = lambdaLogger();
  const tables: TableNames = { tenant: required('tenantTable'), identity: required('identityTable') };
  const client = dynamoClient();
  const memoryMb = Number(process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? 512);
  const keyspaces = openKeyspaces({
    ...options,
    client,
    table: tables.tenant,
    clock,
    log,
    pollMs: POLL_MS,
    memoryBytesMax: memoryMb * 1024 * 1024 * REPLICAS_SHARE,
  });
  return { clock, log, tables, client, keyspaces, inbox: dynamoInbox(client, tables.tenant) };
}
