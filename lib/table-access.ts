import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { HostedFunction } from './hosted-function.ts';

/** DynamoDB actions without their prefix. A transaction needs the actions of its steps. */
export type TableAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'BatchWriteItem'
  | 'ConditionCheckItem';

/** Lets a function do these things with items of a table; with `keys`, only items whose partition key is like one of them. */
export function allowItems(fn: HostedFunction, table: ITableV2, actions: readonly TableAction[], keys?: readonly string[]): void {
  fn.allow(
    actions.map((action) => `dynamodb:${action}`),
    [table.tableArn],
    // ForAllValues is true of an empty set, hence the Null test.
    keys && { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys }, Null: { 'dynamodb:LeadingKeys': 'false' } },
  );
}
