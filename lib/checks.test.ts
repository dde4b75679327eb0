import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, CfnOutput, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DataStack } from './data-stack.ts';
import { installationOf } from './installation.ts';
import { ServiceStack } from './service-stack.ts';

const directory = mkdtempSync(join(tmpdir(), 'terrane-checks-'));
const [agentDir, consoleDir] = ['agent', 'console'].map((name) => join(directory, name)) as [string, string];

beforeAll(() => {
  // CloudFormation's own schemas are checked once, by `npm run synth` and the hosted story: here it is about the rules.
  process.env['CDK_VALIDATION'] = 'false';
  for (const path of [agentDir, consoleDir]) mkdirSync(path);
  for (const file of ['install.sh', 'manifest.json', 'agent.tar.gz']) writeFileSync(join(agentDir, file), file);
  writeFileSync(join(consoleDir, 'index.html'), '');
  writeFileSync(join(consoleDir, 'pages.json'), '["/"]');
  mkdirSync(join(consoleDir, 'assets'));
  writeFileSync(join(consoleDir, 'assets/console-1.js'), '');
});
afterAll(() => rmSync(directory, { recursive: true }));

function appOf(context: Record<string, string>, env = {}): App {
  const app = new App({
    context: {
      'aws:cdk:bundling-stacks': [],
      '@aws-cdk/core:enablePartitionLiterals': true,
      '@aws-cdk/aws-iam:minimizePolicies': true,
      ...context,
    },
    outdir: mkdtempSync(join(directory, 'out-')),
  });
  const installation = installationOf(app.node);
  const data = new DataStack(app, 'data', { stage: installation.stage, ...env });
  new ServiceStack(app, 'service', { installation, data, agentDir, consoleDir, ...env });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

describe('the rules of AwsSolutions (cdk-nag)', () => {
  test.each([
    ['as it is by default', {}, {}],
    ['in an account and region that are known', {}, { env: { account: '123456789012', region: 'eu-central-1' } }],
    [
      'with everything that can be chosen',
      {
        domain: 'terrane.example.com',
        certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/abc',
        mailFrom: 'terrane@example.com',
        alarmEmail: 'ops@example.com',
      },
      {},
    ],
  ])('find nothing in the installation, %s, that is not explained beside it', (_, context, env) => {
    expect(() => appOf({ stage: 'test', ...context }, env).synth()).not.toThrow();
  });

  test('stop a deployment that would break one', () => {
    const app = appOf({ stage: 'test' });
    const stack = new Stack(app, 'broken');
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['s3:*'], resources: ['*'] }));
    new CfnOutput(stack, 'Arn', { value: role.roleArn });
    expect(() => app.synth()).toThrow(/validation/i);
  });
});
