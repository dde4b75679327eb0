import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { Diagnosis } from '../../../core/network/doctor/facts.ts';
import { isSick } from '../../../core/network/doctor/diagnose.ts';
import { CliError } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { type KubeClient, kindPath } from '../../kube/client.ts';
import { NODE } from '../../kube/kinds.ts';
import { collect, wholeNumber, withCluster } from '../../options.ts';
import { printDiagnoses } from '../../output/diagnosis.ts';
import { printJson } from '../../output/print.ts';
import { openSession, type SessionOptions } from '../../session.ts';

interface DoctorOptions extends SessionOptions {
  readonly host?: readonly string[];
  readonly local?: number | true;
  readonly all?: boolean;
}

/** A host that could not be asked. */
export interface Unasked {
  readonly node: string;
  readonly error: string;
}

/** The agent's own default. */
const HEALTH_PORT = 7490;
const AT_ONCE = 8;

export function doctorCommand(io: Io): Command {
  return withCluster(new Command('doctor'))
    .summary("what is wrong with hosts' networks, and what to do about it")
    .description(
      'Has the hosts look at their kernels, firewalls and clocks and try what gets through to each other, a few seconds. Exits with 1 if anything is wrong.',
    )
    .option('--host <node>', 'look at this host only; repeatable', collect)
    .option(
      '--local [port]',
      `ask the agent on this machine, without a control plane (its --health-port, ${HEALTH_PORT})`,
      wholeNumber,
    )
    .option('-a, --all', 'show what is well, too')
    .action(async (options: DoctorOptions) => {
      const found = options.local === undefined ? await askHosts(io, options) : [await askLocal(options.local)];
      if (options.json) await printJson(io, { hosts: found });
      else await printDiagnoses(io, found, options.all ?? false);
      const sick = found.filter((each) => 'error' in each || isSick(each));
      if (sick.length > 0)
        throw new CliError(`something is wrong on ${sick.length} of ${found.length} ${found.length === 1 ? 'host' : 'hosts'}`, {
          code: 'network_problems',
        });
    });
}

async function askHosts(io: Io, options: DoctorOptions): Promise<(Diagnosis | Unasked)[]> {
  const session = await openSession(io, options);
  const kube = await session.kube();
  const names = options.host ?? (await kube.list(NODE, undefined)).items.map(({ metadata }) => metadata.name);
  if (names.length === 0) throw new CliError('the cluster has no hosts yet', { fix: 'terrane token create --kind join' });
  const found: (Diagnosis | Unasked)[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE)
    found.push(...(await Promise.all(names.slice(at, at + AT_ONCE).map((name) => askHost(kube, name, names.length === 1)))));
  return found;
}

/** One host among several that can't be asked is told as such; a single one fails the command with the server's words. */
async function askHost(kube: KubeClient, name: string, alone: boolean): Promise<Diagnosis | Unasked> {
  try {
    return await kube.json<Diagnosis>({ path: kindPath(NODE, { name, subresource: 'diagnosis' }) });
  } catch (error) {
    if (alone || !(error instanceof CliError)) throw error;
    return { node: name, error: error.message };
  }
}

async function askLocal(port: number | true): Promise<Diagnosis> {
  const url = `http://127.0.0.1:${port === true ? HEALTH_PORT : port}/diagnosis`;
  try {
    const body = await new Promise<string>((resolve, reject) => {
      const asking = request(url, { timeout: 40_000 }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`HTTP ${response.statusCode}`));
        else text(response).then(resolve, reject);
      });
      asking.on('timeout', () => asking.destroy(new Error('no answer within 40 s')));
      asking.on('error', reject);
      asking.end();
    });
    return JSON.parse(body) as Diagnosis;
  } catch (error) {
    throw new CliError(`no agent answers at ${url}: ${(error as Error).message}`, {
      fix: 'Is it running (systemctl status terrane-agent)? If it has another --health-port, give that: --local PORT',
      cause: error,
    });
  }
}
