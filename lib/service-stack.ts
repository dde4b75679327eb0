import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import { Api } from './api.ts';
import { Budget } from './budget.ts';
import { Overview } from './dashboard.ts';
import type { DataStack } from './data-stack.ts';
import { FrontDoor } from './front-door.ts';
import type { FunctionName, HostedFunction } from './hosted-function.ts';
import { Install } from './install.ts';
import type { Installation } from './installation.ts';
import { NodeApi } from './node.ts';
import { Push } from './push.ts';
import { Reconcile } from './reconcile.ts';
import { Registry } from './registry.ts';
import { Updates } from './updates.ts';
import { Web } from './web.ts';

export interface ServiceStackProps extends StackProps {
  readonly installation: Installation;
  readonly data: DataStack;
  /** What `npm run build` made for hosts. */
  readonly agentDir?: string;
  /** The web console's files. */
  readonly consoleDir?: string;
}

/** Everything that computes. It holds no state: it can be deleted and made again over the data stack. */
export class ServiceStack extends Stack {
  readonly functions: Readonly<Record<FunctionName, HostedFunction>>;

  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, props);
    const { installation, data, agentDir, consoleDir } = props;
    const { stage, alarmEmail, budgetUsd } = installation;
    const frontDoor = new FrontDoor(this, 'FrontDoor');
    const { secrets, payloads } = data;
    const part = { installation, frontDoor, secrets, payloads, tenant: data.tenant.table, identity: data.identity.table };
    const agent = agentDir === undefined ? {} : { agentDir };

    const push = new Push(this, 'Push', part);
    const api = new Api(this, 'Api', { ...part, push });
    const node = new NodeApi(this, 'Node', part);
    new Registry(this, 'Registry', { stage, api: api.function, node: node.function });
    const updates = new Updates(this, 'Updates', part);
    const install = new Install(this, 'Install', { installation, frontDoor, ...agent });
    const reconcile = new Reconcile(this, 'Reconcile', { ...part, push });
    const web = new Web(this, 'Web', {
      installation,
      frontDoor,
      push,
      urls: { api: api.url, node: node.url, install: install.url, updates: updates.url },
      ...agent,
      ...(consoleDir !== undefined && { consoleDir }),
    });

    this.functions = {
      api: api.function,
      node: node.function,
      push: push.function,
      reconcile: reconcile.function,
      install: install.function,
      updates: updates.function,
    };
    const watched = { functions: this.functions, tables: [part.tenant, part.identity] };
    new Alarms(this, 'Alarms', { installation, deadLetters: reconcile.deadLetters, ...watched });
    new Overview(this, 'Overview', { stage, ...watched });
    if (alarmEmail !== undefined) new Budget(this, 'Budget', { stage, usd: budgetUsd, email: alarmEmail });

    new CfnOutput(this, 'Url', { value: web.url, description: 'Where people and hosts find this installation' });
    new CfnOutput(this, 'CloudFrontDomain', {
      value: web.distribution.distributionDomainName,
      description: 'What a CNAME of your own domain points to',
    });
  }
}
