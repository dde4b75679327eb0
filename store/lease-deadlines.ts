import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LeaseDeadline, LeaseDeadlines } from '../core/ports/lease-deadlines.ts';
import type { Item } from './log-items.ts';
import { type Condition, dynamoTable, type Table } from './table.ts';

/** An answer that got lost: all of these writes may be sent again. */
const ATTEMPTS = 3;
const FIRST = '0';
const AFTER_LAST = 'g';

/**
 * Deadlines as items of the tenant table: pk `<tenant>#lease#<cluster>/kv`, sk the lease's id (16 hexadecimal digits), `at` in ms,
 * `revoking` once it was given up. A keep-alive is one conditional put: 1 write unit.
 */
export function dynamoLeaseDeadlines(
  client: DynamoDBClient,
  tableName: string,
): (tenant: string, cluster: string) => LeaseDeadlines {
  const table = dynamoTable(client, tableName);
  return (tenant, cluster) => deadlinesIn(table, `${tenant}#lease#${cluster}/kv`);
}

function deadlinesIn(table: Table, pk: string): LeaseDeadlines {
  const itemOf = ({ id, at, revoking }: LeaseDeadline): Item => ({
    pk: { S: pk },
    sk: { S: keyOf(id) },
    at: { N: String(at) },
    ...(revoking && { revoking: { BOOL: true } }),
  });

  /** Undefined if it was put; else the item that was there instead, empty if there was none. */
  const putIf = async (deadline: LeaseDeadline, condition: Condition): Promise<Item | undefined> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await table.putIf(itemOf(deadline), condition);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
    }
  };

  return {
    async list() {
      const found: LeaseDeadline[] = [];
      let next: Item | undefined;
      do {
        const page = await table.query(pk, FIRST, AFTER_LAST, { next });
        found.push(...page.items.map(deadlineOf));
        next = page.next;
      } while (next);
      return found;
    },
    async get(id) {
      const item = await table.get(pk, keyOf(id));
      return item && deadlineOf(item);
    },
    start: (id, at) => table.put(itemOf({ id, at: at, revoking: false })),
    async renew(id, at) {
      const other = await putIf(
        { id, at: at, revoking: false },
        {
          expression: 'attribute_not_exists(pk) OR (attribute_not_exists(revoking) AND #at < :at)',
          names: { '#at': 'at' },
          values: { ':at': { N: String(at) } },
        },
      );
      return !other?.['revoking']?.BOOL;
    },
    async giveUp(id, at) {
      const other = await putIf(
        { id, at, revoking: true },
        { expression: '#at = :at', names: { '#at': 'at' }, values: { ':at': { N: String(at) } } },
      );
      return other === undefined;
    },
    forget: (id) => table.deleteAll([{ pk, sk: keyOf(id) }]),
  };
}

/** int64 as its 64 bits, so that negative ids have a key, too. */
function keyOf(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, '0');
}

function deadlineOf(item: Item): LeaseDeadline {
  const id = BigInt.asIntN(64, BigInt(`0x${item['sk']!.S!}`));
  return { id, at: Number(item['at']!.N), revoking: item['revoking']?.BOOL ?? false };
}
