import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FunctionName, HostedFunction } from './hosted-function.ts';
import type { Installation } from './installation.ts';

export interface AlarmsProps {
  readonly installation: Installation;
  readonly functions: Readonly<Record<FunctionName, HostedFunction>>;
  readonly tables: readonly ITableV2[];
  readonly deadLetters: Queue;
}

const FIVE_MINUTES = Duration.minutes(5);

/** What somebody should be told of. Without an address the alarms can still be seen. */
export class Alarms extends Construct {
  readonly topic: Topic;
  readonly #prefix: string;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { installation, functions, tables, deadLetters } = props;
    this.#prefix = `terrane-${installation.stage}`;
    this.topic = new Topic(this, 'Topic', { enforceSSL: true });
    if (installation.alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(installation.alarmEmail));

    for (const [name, { fn, logs }] of Object.entries(functions)) {
      const sum = { period: FIVE_MINUTES, statistic: 'Sum' };
      this.#alarm(`${name}-fails`, fn.metricErrors(sum), 5, 'Invocations end with an error or time out.');
      this.#alarm(`${name}-throttled`, fn.metricThrottles(sum), 1, 'Lambda refuses invocations: raise the concurrency limit.');
      const namespace = 'Terrane';
      const errors = new MetricFilter(this, `${name}-errors`, {
        logGroup: logs,
        filterPattern: FilterPattern.stringValue('$.level', '=', 'ERROR'),
        metricNamespace: namespace,
        metricName: `${this.#prefix}-${name}-errors`,
        metricValue: '1',
      });
      this.#alarm(`${name}-logs-errors`, errors.metric(sum), 10, 'The function logs errors: read them in its log group.');
    }
    const age = functions.reconcile.fn.metric('IteratorAge', { period: FIVE_MINUTES, statistic: 'Maximum' });
    this.#alarm('reconcile-behind', age, 120_000, 'Commits and reports wait for more than two minutes.');
    const dead = deadLetters.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES, statistic: 'Maximum' });
    this.#alarm('reconcile-gave-up', dead, 1, 'News of clusters was given up; their alarm clock looks again within minutes.');
    tables.forEach((table, index) => {
      const throttled = table.metric('ThrottledRequests', {
        period: FIVE_MINUTES,
        statistic: 'Sum',
        dimensionsMap: { TableName: table.tableName },
      });
      this.#alarm(`table-${index === 0 ? 'tenant' : 'identity'}-throttled`, throttled, 10, 'DynamoDB refuses requests.');
    });
    // What is refused as 401 or 403: a spike is somebody guessing, or a fleet whose clocks or keys went wrong.
    for (const name of ['api', 'node'] as const) {
      const refused = functions[name].fn.metric('Url4xxCount', { period: FIVE_MINUTES, statistic: 'Sum' });
      this.#alarm(`${name}-refuses`, refused, 5_000, 'Unusually many requests are refused.');
    }
  }

  #alarm(name: string, metric: IMetric, threshold: number, alarmDescription: string): void {
    const alarm = new Alarm(this, name, {
      alarmName: `${this.#prefix}-${name}`,
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Nothing runs while nobody uses it.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
  }
}
