import { Duration, Stack } from 'aws-cdk-lib';
import { FunctionUrlAuthType, type FunctionUrl, InvokeMode } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { HostedFunction } from './hosted-function.ts';
import { type PartProps, storeEnvironment } from './part.ts';
import type { Push } from './push.ts';
import { allowItems } from './table-access.ts';

export interface ApiProps extends PartProps {
  readonly push: Push;
}

/** What people and their tools ask: /v1/* and /clusters/*. Streams its answers, for watches. */
export class Api extends Construct {
  readonly function: HostedFunction;
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { installation, tenant, identity, frontDoor, secrets, payloads, push } = props;
    const { stage, domain, mailFrom, loginProviders } = installation;
    this.function = new HostedFunction(this, 'Api', {
      name: 'api',
      stage,
      // Hashing passwords wants a CPU, and Lambda gives CPU by memory.
      memoryMb: 1024,
      // As long as Lambda allows: watches end a little earlier by themselves, and clients watch again.
      timeout: Duration.minutes(15),
      environment: {
        ...storeEnvironment(props),
        ORIGIN_SECRET: frontDoor.secret,
        PUSH_ENDPOINT: push.endpoint,
        ...(domain !== undefined && { PUBLIC_URL: `https://${domain}` }),
        ...(mailFrom !== undefined && { MAIL_FROM: mailFrom }),
        ...(loginProviders !== undefined && { LOGIN_PROVIDERS_PARAMETER: loginProviders }),
      },
    });
    for (const table of [tenant, identity]) {
      allowItems(this.function, table, [
        'GetItem',
        'BatchGetItem',
        'Query',
        'PutItem',
        'UpdateItem',
        'DeleteItem',
        // What a snapshot covers, and what a deleted organisation leaves.
        'BatchWriteItem',
        'ConditionCheckItem',
      ]);
    }
    secrets.allow(this.function, ['GenerateDataKey', 'Decrypt']);
    payloads.allow(this.function, ['GetObject', 'PutObject', 'DeleteObject'], true);
    push.allowConnections(this.function, 'DELETE');
    push.allowConnections(this.function, 'POST');
    if (mailFrom !== undefined) {
      const sender = Stack.of(this).formatArn({ service: 'ses', resource: 'identity', resourceName: mailFrom.split('@')[1]! });
      this.function.allow(['ses:SendEmail'], [sender], { StringEquals: { 'ses:FromAddress': mailFrom } });
    }
    if (loginProviders !== undefined) {
      const parameter = { service: 'ssm', resource: 'parameter', resourceName: loginProviders.slice(1) };
      this.function.allow(['ssm:GetParameter'], [Stack.of(this).formatArn(parameter)]);
    }
    this.url = this.function.fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE, invokeMode: InvokeMode.RESPONSE_STREAM });
  }
}
