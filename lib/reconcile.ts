import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { acceptFinding } from './accept-finding.ts';
import { HostedFunction } from './hosted-function.ts';
import { type PartProps, storeEnvironment } from './part.ts';
import type { Push } from './push.ts';
import { allowItems } from './table-access.ts';

export interface ReconcileProps extends PartProps {
  readonly tenant: TableV2;
  readonly push: Push;
}

/** Woken by commits and reports (the table's stream) and by a clock; runs the controllers and tells hosts. */
export class Reconcile extends Construct {
  readonly function: HostedFunction;
  /** Batches given up: pointers to records, not the records. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: ReconcileProps) {
    super(scope, id);
    const { installation, tenant, identity, push } = props;
    this.function = new HostedFunction(this, 'Reconcile', {
      name: 'reconcile',
      stage: installation.stage,
      memoryMb: 1024,
      timeout: Duration.minutes(2),
      environment: { ...storeEnvironment(props), PUSH_ENDPOINT: push.endpoint },
    });
    allowItems(this.function, tenant, ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'BatchWriteItem']);
    allowItems(this.function, tenant, ['DeleteItem'], ['*#conn#*']);
    allowItems(this.function, tenant, ['UpdateItem'], ['*#beat#*']);
    allowItems(this.function, identity, ['Query', 'PutItem', 'DeleteItem'], ['wake']);
    allowItems(this.function, identity, ['DeleteItem'], ['conn#*']);
    push.allowConnections(this.function, 'POST');

    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acceptFinding(this.deadLetters, 'SQS3', "It is a dead-letter queue: that of the table's stream");
    this.function.fn.addEventSource(
      new DynamoEventSource(tenant, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 100,
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        retryAttempts: 5,
        maxRecordAge: Duration.hours(1),
        onFailure: new SqsDlq(this.deadLetters),
        filters: WANTED,
      }),
    );
    new Rule(this, 'Clock', {
      description: 'Wakes clusters whose time has come',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(this.function.fn, { retryAttempts: 2, maxEventAge: Duration.minutes(5) })],
    });
  }
}

/**
 * Commits to registries and to key-value stores (whose hosts are told), hosts' reports that say something new (the only items with a
 * `body`), and push connections that ended (`lost`). Nothing else wakes, or costs, anything: heartbeats don't.
 */
const WANTED = [
  FilterCriteria.filter({
    eventName: FilterRule.isEqual('INSERT'),
    dynamodb: {
      Keys: { pk: { S: [{ suffix: '/registry' }, { suffix: '/kv' }] } },
      NewImage: { at: { N: FilterRule.exists() } },
    },
  }),
  FilterCriteria.filter({ dynamodb: { NewImage: { body: { B: FilterRule.exists() } } } }),
  FilterCriteria.filter({ dynamodb: { NewImage: { lost: { N: FilterRule.exists() } } } }),
  FilterCriteria.filter({
    eventName: FilterRule.isEqual('REMOVE'),
    dynamodb: { OldImage: { body: { B: FilterRule.exists() } } },
  }),
];
