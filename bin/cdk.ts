import { App } from 'aws-cdk-lib';
import { DataStack } from '../lib/data-stack.ts';

/** The CDK app. `-c stage=NAME` picks the stage; a stage is a whole installation of its own. */
const app = new App();
const stage: unknown = app.node.tryGetContext('stage') ?? 'dev';
if (typeof stage !== 'string' || !/^[a-z][a-z0-9-]{0,20}$/.test(stage)) {
  throw new Error(`-c stage=${String(stage)}: a stage is lower-case letters, digits and dashes, at most 21 characters`);
}
new DataStack(app, `terrane-${stage}-data`, { stage });
app.synth();
