import { Duration, Stack } from 'aws-cdk-lib';
import { WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Construct } from 'constructs';
import { acceptFinding, acceptWildcard } from './accept-finding.ts';
import { HostedFunction } from './hosted-function.ts';
import { type PartProps, storeEnvironment } from './part.ts';
import { allowItems } from './table-access.ts';

/** Hosts' push connections: API Gateway holds them, a function admits them and keeps track. */
export class Push extends Construct {
  readonly function: HostedFunction;
  /** The management API: where hints are posted to. */
  readonly endpoint: string;
  /** Host name of the WebSocket API itself. */
  readonly host: string;
  readonly stageName = 'live';
  readonly #apiId: string;

  constructor(scope: Construct, id: string, props: PartProps) {
    super(scope, id);
    const { installation, tenant, identity, frontDoor } = props;
    this.function = new HostedFunction(this, 'Push', {
      name: 'push',
      stage: installation.stage,
      memoryMb: 256,
      timeout: Duration.seconds(10),
      environment: { ...storeEnvironment(props), ORIGIN_SECRET: frontDoor.secret },
    });
    allowItems(this.function, identity, ['GetItem'], ['host-key#*']);
    allowItems(this.function, identity, ['PutItem', 'DeleteItem'], ['conn#*']);
    allowItems(this.function, tenant, ['PutItem', 'DeleteItem'], ['*#conn#*']);
    allowItems(this.function, tenant, ['UpdateItem'], ['*#beat#*']);

    // Not named Default: CDK leaves that out of logical ids.
    const integration = (name: string) => ({ integration: new WebSocketLambdaIntegration(name, this.function.fn) });
    const api = new WebSocketApi(this, 'Api', {
      apiName: `terrane-${installation.stage}-push`,
      connectRouteOptions: integration('Connect'),
      disconnectRouteOptions: integration('Disconnect'),
      defaultRouteOptions: integration('Message'),
    });
    acceptFinding(
      api,
      'APIG4',
      'The function checks the signature of the host at $connect; the other routes exist only within a connection',
    );
    const live = new WebSocketStage(this, 'Stage', {
      webSocketApi: api,
      stageName: this.stageName,
      autoDeploy: true,
      // The account's own limit is 500 new connections a second; a fleet that reconnects spreads itself over 2 min.
      throttle: { rateLimit: 500, burstLimit: 500 },
    });
    acceptFinding(
      live,
      'APIG1',
      'It needs a role for the whole account, which is not ours to set; the function logs whom it refuses',
    );
    const { region, urlSuffix } = Stack.of(this);
    this.#apiId = api.apiId;
    this.host = `${api.apiId}.execute-api.${region}.${urlSuffix}`;
    this.endpoint = `https://${this.host}/${this.stageName}`;
  }

  /** Lets a function send to connections, or end them. */
  allowConnections(fn: HostedFunction, method: 'POST' | 'DELETE'): void {
    const stack = Stack.of(this);
    const resourceName = `${this.stageName}/${method}/@connections/*`;
    const arn = stack.formatArn({ service: 'execute-api', resource: this.#apiId, resourceName });
    fn.allow(['execute-api:ManageConnections'], [arn]);
    acceptWildcard(fn, arn, 'API Gateway makes the ids of connections: they are not known beforehand');
  }
}
