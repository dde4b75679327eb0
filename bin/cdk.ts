import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DataStack } from '../lib/data-stack.ts';
import { installationOf } from '../lib/installation.ts';
import { ServiceStack } from '../lib/service-stack.ts';

/** The CDK app: `npx cdk deploy --all -c stage=NAME …` (docs/deploy.md). */
// Templates that CloudFormation would refuse are errors here, not warnings.
const app = new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': true } });
const installation = installationOf(app.node);
const { stage } = installation;
const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
const env = account && region ? { env: { account, region } } : {};
const dist = join(import.meta.dirname, '../dist');
const agentDir = join(dist, 'agent');
const consoleDir = join(dist, 'console');

const data = new DataStack(app, `terrane-${stage}-data`, { stage, ...env });
new ServiceStack(app, `terrane-${stage}-service`, {
  installation,
  data,
  ...env,
  ...(existsSync(join(agentDir, 'manifest.json')) && { agentDir }),
  ...(existsSync(join(consoleDir, 'index.html')) && { consoleDir }),
});
Tags.of(app).add('terrane:stage', stage);
// What its rules find and nobody has explained (lib/accept-finding.ts) stops the synthesis.
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
