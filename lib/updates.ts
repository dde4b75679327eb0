import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType, type FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { HostedFunction } from './hosted-function.ts';
import { type PartProps, storeEnvironment } from './part.ts';
import { allowItems } from './table-access.ts';

/** What operating systems ask: Omaha, FleetLock, locksmith's lock. */
export class Updates extends Construct {
  readonly function: HostedFunction;
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, props: PartProps) {
    super(scope, id);
    const { installation, tenant, identity, frontDoor, payloads } = props;
    this.function = new HostedFunction(this, 'Updates', {
      name: 'updates',
      stage: installation.stage,
      memoryMb: 512,
      timeout: Duration.seconds(30),
      environment: { ...storeEnvironment(props), ORIGIN_SECRET: frontDoor.secret },
    });
    // Grants are commits to the registry's log, with its snapshots; checks are items of their own.
    allowItems(this.function, tenant, ['GetItem', 'Query', 'PutItem', 'BatchWriteItem']);
    // Counts of requests, of organisations that are there.
    allowItems(this.function, tenant, ['UpdateItem'], ['*#requests']);
    allowItems(this.function, tenant, ['ConditionCheckItem'], ['*#org']);
    allowItems(this.function, identity, ['GetItem'], ['secret#*']);
    payloads.allow(this.function, ['GetObject']);
    this.url = this.function.fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  }
}
