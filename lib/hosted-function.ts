import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundle } from './bundle.ts';

/** functions/<name>/handler.ts */
export type FunctionName = 'api' | 'node' | 'push' | 'reconcile' | 'install' | 'updates';

export interface HostedFunctionProps {
  readonly name: FunctionName;
  readonly stage: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  /** Files put beside the bundle: path -> path below the bundle's directory. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * A Lambda as all of ours are: ES modules, minified, with their own SDK, on arm64; logs as JSON, kept for a month; a role that can
 * write these logs and nothing else until it is granted something.
 */
export class HostedFunction extends Construct {
  readonly fn: LambdaFunction;
  readonly role: IRole;
  readonly logs: LogGroup;

  constructor(scope: Construct, id: string, props: HostedFunctionProps) {
    super(scope, id);
    const { name, stage, memoryMb, timeout, environment, files = {} } = props;
    this.logs = new LogGroup(this, 'Logs', {
      logGroupName: `/terrane/${stage}/${name}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What terrane ${stage}'s ${name} function may do`,
    });
    this.logs.grantWrite(this.role);
    this.fn = new LambdaFunction(this, 'Function', {
      functionName: `terrane-${stage}-${name}`,
      code: bundle(name, files),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: memoryMb,
      timeout,
      environment: { ...environment },
      role: this.role,
      logGroup: this.logs,
      loggingFormat: LoggingFormat.JSON,
    });
  }

  /** What the function may do, on exactly what. */
  allow(actions: readonly string[], resources: readonly string[], conditions?: Record<string, unknown>): void {
    this.role.addToPrincipalPolicy(
      new PolicyStatement({ actions: [...actions], resources: [...resources], ...(conditions && { conditions }) }),
    );
  }
}
