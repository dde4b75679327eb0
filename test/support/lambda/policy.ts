import type { Synthesised } from './synthesised.ts';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: { readonly 'ForAllValues:StringLike'?: { readonly 'dynamodb:LeadingKeys'?: readonly string[] } };
}

/** One thing that a call to DynamoDB does. */
interface Access {
  readonly action: string;
  readonly table: string;
  /** The partition key. */
  readonly key: string;
}

/**
 * What a function's role lets it do with the tables, as the template says. Answers what is refused, and nothing for what is allowed
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).
 */
export function tablePolicy(synthesised: Synthesised): (fn: string, operation: string, input: object) => string | undefined {
  const statements = new Map(Array.from(synthesised.functions.keys(), (name) => [name, statementsOf(synthesised, name)]));
  return (fn, operation, input) => {
    for (const access of accesses(operation, input as Input)) {
      const allowed = statements.get(fn)?.some((statement) => allows(statement, access));
      if (!allowed) return `${fn} may not ${access.action} ${access.key} of ${access.table}`;
    }
    return undefined;
  };
}

/** What a function's role lets it do with services other than DynamoDB, by action (`kms:Decrypt`). Answers what is refused. */
export function actionPolicy(synthesised: Synthesised): (fn: string, action: string) => string | undefined {
  return (fn, action) => {
    if (!synthesised.functions.has(fn)) return `${fn} is no function`;
    const allowed = statementsOf(synthesised, fn).some(({ Action }) => [Action].flat().includes(action));
    return allowed ? undefined : `${fn} may not ${action}`;
  };
}

function statementsOf({ resources, functions }: Synthesised, name: string): Statement[] {
  const role = JSON.stringify(resources[functions.get(name)!.logicalId]!.Properties.Role['Fn::GetAtt'][0]);
  return Object.values(resources)
    .filter(({ Type, Properties }) => Type === 'AWS::IAM::Policy' && JSON.stringify(Properties.Roles).includes(role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
}

function allows({ Action, Resource, Condition }: Statement, { action, table, key }: Access): boolean {
  if (![Action].flat().includes(`dynamodb:${action}`)) return false;
  // The reference to a table's ARN names its construct.
  if (!new RegExp(`${table}Table[0-9A-F]{8}Arn`, 'i').test(JSON.stringify(Resource))) return false;
  const patterns = Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
  return patterns === undefined || patterns.some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(key));
}

type Keyed = Readonly<Record<string, { readonly S?: string }>>;

interface Input {
  readonly TableName?: string;
  readonly Key?: Keyed;
  readonly Item?: Keyed;
  readonly ExpressionAttributeValues?: Keyed;
  readonly TransactItems?: readonly Readonly<Record<string, Input>>[];
  readonly RequestItems?: Readonly<Record<string, unknown>>;
}

function accesses(operation: string, input: Input): Access[] {
  if (operation === 'TransactWriteItems') {
    return input.TransactItems!.flatMap((item) =>
      Object.entries(item).map(([kind, step]) =>
        accessOf(kind === 'ConditionCheck' ? 'ConditionCheckItem' : `${kind}Item`, step),
      ),
    );
  }
  if (input.RequestItems) return Object.entries(input.RequestItems).flatMap(([table, batch]) => batchOf(operation, table, batch));
  return [accessOf(operation, input)];
}

function accessOf(action: string, { TableName, Key, Item, ExpressionAttributeValues }: Input): Access {
  const key = (Key ?? Item)?.['pk']?.S ?? ExpressionAttributeValues?.[':pk']?.S ?? '';
  return { action, table: TableName ?? '', key };
}

function batchOf(action: string, table: string, batch: unknown): Access[] {
  const keys = new Set(JSON.stringify(batch).match(/"pk":\{"S":"[^"]*"/g) ?? []);
  return [...keys].map((key) => ({ action, table, key: key.slice('"pk":{"S":"'.length, -1) }));
}
