import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What `cdk synth` made: the service's template, and its functions' bundles. */
export interface Synthesised {
  readonly directory: string;
  readonly resources: Readonly<Record<string, TemplateResource>>;
  /** By name: api, node, push, reconcile, install. */
  readonly functions: ReadonlyMap<string, SynthesisedFunction>;
}

export interface TemplateResource {
  readonly Type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- CloudFormation's shapes, looked into by tests
  readonly Properties: any;
}

export interface SynthesisedFunction {
  readonly logicalId: string;
  readonly directory: string;
  readonly handler: string;
  readonly timeoutMs: number;
  /** As in the template: values may be references. */
  readonly environment: Readonly<Record<string, unknown>>;
}

/** Runs the CDK app as a deployment would, in a process of its own, with all its checks: what breaks a rule throws. */
export function synthesise(context: Readonly<Record<string, string>>): Synthesised {
  const directory = mkdtempSync(join(tmpdir(), 'terrane-cdk-'));
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'bin/cdk.ts'], {
    cwd: join(import.meta.dirname, '../../..'),
    encoding: 'utf8',
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      CDK_VALIDATION: 'true',
      CDK_OUTDIR: directory,
      CDK_CONTEXT_JSON: JSON.stringify(context),
    },
  });
  if (result.status !== 0) throw new Error(`synth failed: ${result.stderr}`);
  const stack = `terrane-${context['stage']}-service`;
  const { Resources } = JSON.parse(readFileSync(join(directory, `${stack}.template.json`), 'utf8')) as {
    Resources: Record<string, TemplateResource>;
  };
  const functions = new Map<string, SynthesisedFunction>();
  for (const [logicalId, { Type, Properties }] of Object.entries(Resources)) {
    const name = /^terrane-.*-(\w+)$/.exec(String(Properties?.FunctionName ?? ''))?.[1];
    if (Type !== 'AWS::Lambda::Function' || !name) continue;
    functions.set(name, {
      logicalId,
      directory: join(directory, `asset.${String(Properties.Code.S3Key).replace('.zip', '')}`),
      handler: Properties.Handler as string,
      timeoutMs: Properties.Timeout * 1000,
      environment: Properties.Environment?.Variables ?? {},
    });
  }
  return { directory, resources: Resources, functions };
}
