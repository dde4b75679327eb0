import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** functions/<name>/handler.ts */
export type FunctionName = 'api' | 'node' | 'push' | 'reconcile' | 'install';

export interface HostedFunctionProps {
  readonly name: FunctionName;
  readonly stage: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  /** Files put beside the bundle: path -> path below the bundle's directory. */
  readonly files?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** CommonJS dependencies ask for `require`, which ES modules lack. */
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';globalThis.require??=__createRequire(import.meta.url);";

/**
 * A Lambda as all of ours are: one ES module, minified, with its own SDK, on arm64; logs as JSON, kept for a month; a role that can
 * write these logs and nothing else until it is granted something.
 */
export class HostedFunction extends Construct {
  readonly fn: NodejsFunction;
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
    this.fn = new NodejsFunction(this, 'Function', {
      functionName: `terrane-${stage}-${name}`,
      entry: join(ROOT, 'functions', name, 'handler.ts'),
      projectRoot: ROOT,
      depsLockFilePath: join(ROOT, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: memoryMb,
      timeout,
      environment,
      role: this.role,
      logGroup: this.logs,
      loggingFormat: LoggingFormat.JSON,
      // CDK would set AWS_NODEJS_CONNECTION_REUSE_ENABLED, which SDK v3 doesn't know.
      awsSdkConnectionReuse: false,
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        minify: true,
        mainFields: ['module', 'main'],
        bundleAwsSDK: true,
        banner: REQUIRE,
        define: { 'process.env.TERRANE_VERSION': JSON.stringify(version) },
        commandHooks: {
          beforeInstall: () => [],
          beforeBundling: () => [],
          afterBundling: (_from, to) => Object.entries(files).flatMap(([file, at]) => copy(file, join(to, at))),
        },
      },
    });
  }

  /** What the function may do, on exactly what. */
  allow(actions: readonly string[], resources: readonly string[], conditions?: Record<string, unknown>): void {
    this.role.addToPrincipalPolicy(
      new PolicyStatement({ actions: [...actions], resources: [...resources], ...(conditions && { conditions }) }),
    );
  }
}

function copy(from: string, to: string): string[] {
  return existsSync(from) ? [`mkdir -p "${join(to, '..')}"`, `cp "${from}" "${to}"`] : [];
}
