import { AwsFailure, type AwsJsonService, checkFields } from './service.ts';

export interface FakeInstance {
  readonly ping: 'Online' | 'ConnectionLost';
  readonly platform?: string;
  /** What GetCommandInvocation answers one after the other: [Status, StatusDetails]; the last one again and again. */
  readonly runs?: readonly (readonly [string, string])[];
  readonly stderr?: string;
}

export interface Ssm extends AwsJsonService {
  readonly instances: Map<string, FakeInstance>;
  /** Scripts that were sent, by instance. */
  readonly sent: Map<string, string>;
  /** Instances that the caller may not send commands to. */
  readonly forbidden: Set<string>;
  throttle: number;
}

/** AWS Systems Manager's Run Command (https://docs.aws.amazon.com/systems-manager/latest/APIReference/). */
export function ssm(): Ssm {
  const instances = new Map<string, FakeInstance>();
  const sent = new Map<string, string>();
  const forbidden = new Set<string>();
  const asked = new Map<string, number>();

  const actions: Record<string, (input: Record<string, unknown>) => unknown> = {
    DescribeInstanceInformation(input) {
      checkFields(input, ['Filters'], ['MaxResults', 'NextToken']);
      const [{ Key, Values }] = input['Filters'] as [{ Key: string; Values: string[] }];
      if (Key !== 'InstanceIds' || Values.length === 0 || Values.length > 100) throw new AwsFailure('InvalidFilter', Key);
      const max = input['MaxResults'] as number;
      if (max < 5 || max > 50) throw new AwsFailure('ValidationException', `MaxResults ${max}`);
      const found = Values.flatMap((id) => {
        const instance = instances.get(id);
        const { ping, platform = 'Linux' } = instance ?? {};
        return instance ? [{ InstanceId: id, PingStatus: ping, PlatformType: platform, LastPingDateTime: 1_700_000_000 }] : [];
      });
      return { InstanceInformationList: found };
    },
    SendCommand(input) {
      checkFields(input, ['DocumentName', 'InstanceIds', 'Parameters'], ['Comment', 'TimeoutSeconds']);
      const { commands, executionTimeout } = input['Parameters'] as { commands: string[]; executionTimeout: string[] };
      const seconds = Number(input['TimeoutSeconds'] ?? 3_600);
      if (input['DocumentName'] !== 'AWS-RunShellScript') throw new AwsFailure('InvalidDocument', '');
      if (String(input['Comment']).length > 100 || seconds < 30 || seconds > 2_592_000)
        throw new AwsFailure('ValidationException', '');
      if (!/^\d{1,6}$/.test(executionTimeout[0] ?? '')) throw new AwsFailure('InvalidParameters', 'executionTimeout');
      const ids = input['InstanceIds'] as string[];
      if (ids.some((id) => !instances.has(id) || instances.get(id)!.runs?.length === 0))
        throw new AwsFailure('InvalidInstanceId', ids.join());
      if (ids.some((id) => forbidden.has(id)))
        throw new AwsFailure('AccessDeniedException', 'not authorized to perform: ssm:SendCommand');
      for (const id of ids) sent.set(id, commands.join('\n'));
      return { Command: { CommandId: `11111111-2222-3333-4444-${String(sent.size).padStart(12, '0')}`, Status: 'Pending' } };
    },
    GetCommandInvocation(input) {
      checkFields(input, ['CommandId', 'InstanceId'], ['PluginName']);
      const id = String(input['InstanceId']);
      const times = asked.get(id) ?? 0;
      asked.set(id, times + 1);
      // Known only a moment after it was sent.
      if (times === 0 || !sent.has(id)) throw new AwsFailure('InvocationDoesNotExist', '');
      const { runs = [['Success', 'Success']], stderr = '' } = instances.get(id)!;
      const [Status, StatusDetails] = runs[Math.min(times - 1, runs.length - 1)]!;
      return {
        CommandId: input['CommandId'],
        InstanceId: id,
        Status,
        StatusDetails,
        StandardErrorContent: stderr,
        StandardOutputContent: '',
      };
    },
  };

  const service: Ssm = {
    signedFor: 'ssm',
    target: 'AmazonSSM',
    instances,
    sent,
    forbidden,
    throttle: 0,
    call(action, input) {
      if (service.throttle-- > 0) throw new AwsFailure('ThrottlingException', 'Rate exceeded');
      const run = actions[action];
      if (!run) throw new AwsFailure('UnknownOperationException', action);
      return run(input as Record<string, unknown>);
    },
  };
  return service;
}
