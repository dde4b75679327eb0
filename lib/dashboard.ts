import { Dashboard, GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { FunctionName, HostedFunction } from './hosted-function.ts';

export interface OverviewProps {
  readonly stage: string;
  readonly functions: Readonly<Record<FunctionName, HostedFunction>>;
  readonly tables: readonly ITableV2[];
}

/** One page: who calls, how long it takes, what fails, what is stored and read. */
export class Overview extends Construct {
  constructor(scope: Construct, id: string, { stage, functions, tables }: OverviewProps) {
    super(scope, id);
    const each = (metric: (fn: HostedFunction['fn']) => IMetric) => Object.values(functions).map(({ fn }) => metric(fn));
    const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 12 });
    const capacity = (name: string) =>
      tables.map((table) => table.metric(name, { statistic: 'Sum', dimensionsMap: { TableName: table.tableName } }));
    new Dashboard(this, 'Dashboard', {
      dashboardName: `terrane-${stage}`,
      widgets: [
        [
          graph(
            'Invocations',
            each((fn) => fn.metricInvocations()),
          ),
          graph(
            'Duration, p99',
            each((fn) => fn.metricDuration({ statistic: 'p99' })),
          ),
        ],
        [
          graph(
            'Errors',
            each((fn) => fn.metricErrors()),
          ),
          graph('Age of news', [functions.reconcile.fn.metric('IteratorAge', { statistic: 'Maximum' })]),
        ],
        [
          graph('Read units', capacity('ConsumedReadCapacityUnits')),
          graph('Write units', capacity('ConsumedWriteCapacityUnits')),
        ],
      ],
    });
  }
}
