import { join } from 'node:path';
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import { FunctionUrlAuthType, type FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { FrontDoor } from './front-door.ts';
import { HostedFunction } from './hosted-function.ts';
import type { Installation } from './installation.ts';

export interface InstallProps {
  readonly installation: Installation;
  readonly frontDoor: FrontDoor;
  /** What `npm run build` made for hosts: install.sh, manifest.json, archives. */
  readonly agentDir?: string;
}

/** The install script and the signed manifest. The only part that reads the signing key. */
export class Install extends Construct {
  readonly function: HostedFunction;
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, { installation, frontDoor, agentDir }: InstallProps) {
    super(scope, id);
    const { stage, domain } = installation;
    const parameter = `/terrane/${stage}/manifest-key`;
    const files = agentDir === undefined ? [] : ['install.sh', 'manifest.json'];
    this.function = new HostedFunction(this, 'Install', {
      name: 'install',
      stage,
      memoryMb: 256,
      timeout: Duration.seconds(15),
      environment: {
        ORIGIN_SECRET: frontDoor.secret,
        MANIFEST_KEY_PARAMETER: parameter,
        ...(domain !== undefined && { PUBLIC_URL: `https://${domain}` }),
      },
      files: Object.fromEntries(files.map((file) => [join(agentDir ?? '', file), `agent/${file}`])),
    });
    const arn = Stack.of(this).formatArn({ service: 'ssm', resource: 'parameter', resourceName: parameter.slice(1) });
    // Made at first use, as CloudFormation makes no SecureStrings. AWS' own key for SSM needs no grant.
    this.function.allow(['ssm:GetParameter', 'ssm:PutParameter'], [arn]);
    this.url = this.function.fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    if (agentDir === undefined) {
      Annotations.of(this).addWarningV2(
        'terrane:no-agent',
        'There is no agent to give to hosts: run `npm run build` before deploying.',
      );
    }
  }
}
