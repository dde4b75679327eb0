import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, type StreamViewType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

export interface KeyedTableProps {
  readonly tableName: string;
  readonly stream?: StreamViewType;
}

/** A table as all of ours are: pk and sk (strings), on demand, restorable to any second, kept when the stack goes. */
export class KeyedTable extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, props: KeyedTableProps) {
    super(scope, id);
    this.table = new TableV2(this, 'Table', {
      tableName: props.tableName,
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      timeToLiveAttribute: 'ttl',
      ...(props.stream ? { dynamoStream: props.stream } : {}),
    });
  }
}
