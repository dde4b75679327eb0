import { Stack } from 'aws-cdk-lib';
import { ArnPrincipal, CompositePrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acceptFinding, acceptWildcard } from './accept-finding.ts';
import type { HostedFunction } from './hosted-function.ts';

export interface RegistryProps {
  readonly stage: string;
  /** Makes repositories, and vends credentials to people. */
  readonly api: HostedFunction;
  /** Vends credentials to hosts. */
  readonly node: HostedFunction;
}

const PULL = ['BatchCheckLayerAvailability', 'GetDownloadUrlForLayer', 'BatchGetImage'];
const PUSH = ['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'];
const MANAGE = [
  'CreateRepository',
  'TagResource',
  'DeleteRepository',
  'PutImageTagMutability',
  'PutLifecyclePolicy',
  'DeleteLifecyclePolicy',
  'DescribeImages',
  'BatchDeleteImage',
  'DescribeImageScanFindings',
];
const WHY = "Organisations' repositories are made at run time; the installation's are those below its own prefix";

/**
 * Organisations' images in the account's ECR, below `terrane-<stage>/<organisation>/`. Clients log in with a session of `role` that the
 * functions limit to one organisation by a session policy; the functions themselves can't read or write an image.
 */
export class Registry extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { stage, api, node }: RegistryProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const root = `terrane-${stage}`;
    const repositories = stack.formatArn({ service: 'ecr', resource: 'repository', resourceName: `${root}/*` });
    this.role = new Role(this, 'Role', {
      roleName: `${root}-images`,
      description: `What sessions that pull from and push to terrane ${stage}'s repositories are taken from`,
      assumedBy: new CompositePrincipal(new ArnPrincipal(api.role.roleArn), new ArnPrincipal(node.role.roleArn)),
    });
    const ecr = (actions: readonly string[]) => actions.map((action) => `ecr:${action}`);
    this.role.addToPolicy(new PolicyStatement({ actions: ecr([...PULL, ...PUSH]), resources: [repositories] }));
    this.role.addToPolicy(new PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }));
    acceptWildcard(this.role, repositories, WHY);
    acceptFinding(
      this.role,
      'IAM5[Resource::*]',
      'GetAuthorizationToken knows no resource: a token reaches what the session reaches',
    );

    api.allow(ecr(MANAGE), [repositories]);
    acceptWildcard(api, repositories, WHY);
    for (const vendor of [api, node]) {
      vendor.allow(['sts:AssumeRole'], [this.role.roleArn]);
      vendor.fn.addEnvironment('IMAGE_HOST', `${stack.account}.dkr.ecr.${stack.region}.${stack.urlSuffix}`);
      vendor.fn.addEnvironment('IMAGE_ROOT', root);
      vendor.fn.addEnvironment('IMAGE_ROLE', this.role.roleArn);
    }
  }
}
