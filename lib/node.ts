import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType, type FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { HostedFunction } from './hosted-function.ts';
import { type PartProps, storeEnvironment } from './part.ts';
import { allowItems } from './table-access.ts';

/** What hosts ask: /node/v1/*. */
export class NodeApi extends Construct {
  readonly function: HostedFunction;
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, props: PartProps) {
    super(scope, id);
    const { installation, tenant, identity, frontDoor, secrets } = props;
    this.function = new HostedFunction(this, 'Node', {
      name: 'node',
      stage: installation.stage,
      memoryMb: 512,
      timeout: Duration.seconds(30),
      environment: { ...storeEnvironment(props), ORIGIN_SECRET: frontDoor.secret },
    });
    // Joins are transactions over tokens, hosts and the plan; reports are put, and deleted again when they came too late. Hosts'
    // writes to the key-value store are entries of its log, now and then a snapshot, and trimming what it covers.
    allowItems(this.function, tenant, [
      'GetItem',
      'Query',
      'PutItem',
      'UpdateItem',
      'DeleteItem',
      'BatchWriteItem',
      'ConditionCheckItem',
    ]);
    allowItems(this.function, identity, ['GetItem', 'PutItem', 'UpdateItem']);
    // Assignments hold the Secrets that a host's pods need.
    secrets.allow(this.function, ['Decrypt']);
    this.url = this.function.fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  }
}
