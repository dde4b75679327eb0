import * as z from 'zod';
import type { StreamRequest } from '../../../../core/node/push.ts';
import { JOURNAL_OUTPUTS } from '../../../../core/node/push.ts';
import type { ReadView } from '../../../../core/keyspace/types.ts';
import { badRequest, notFound, StatusError } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import { readObject } from '../body.ts';
import type { KubeRequest } from '../deps.ts';
import { booleanQuery, integerQuery } from '../query.ts';
import { reasonOf } from './stream-status.ts';

/** GET .../units/<name>/journal?follow=&lines=&since=&output=&host=: what journalctl prints of the unit, on its host. */
export async function journal(request: KubeRequest): Promise<Response> {
  const { c, keyspace, target } = request;
  const output = JOURNAL_OUTPUTS.find((each) => each === (c.req.query('output') ?? 'short'));
  if (!output) throw badRequest(`output must be one of ${JOURNAL_OUTPUTS.join(', ')}`);
  const since = c.req.query('since') || undefined;
  if (since !== undefined && Number.isNaN(Date.parse(since)))
    throw badRequest('since must be a time as RFC 3339, such as 2024-01-02T03:04:05Z');
  const lines = integerQuery(request, 'lines');
  const stream = await ask(request, hostOf(request, await keyspace.sync()), {
    kind: 'journal',
    unit: target.name!,
    output,
    follow: booleanQuery(request, 'follow'),
    ...(lines !== undefined && { lines }),
    ...(since !== undefined && { since: new Date(since).toISOString() }),
  });
  return answer(stream, 'text/plain; charset=utf-8');
}

const SECONDS_MAX = 24 * 3600;
/** A Linux host takes 128 KB in one argument, and a push message goes through API Gateway, which takes as much. */
const COMMAND_CHARACTERS_MAX = 32 * 1024;
const commandSchema = z.strictObject({
  command: z.array(z.string().regex(/^[^\0]*$/, 'may hold no NUL')).min(1),
  timeoutSeconds: z.number().int().min(1).max(SECONDS_MAX).optional(),
});

/**
 * POST .../units/<name>/exec?host= with `{"command": ["..."], "timeoutSeconds": 60}`: runs it on the unit's host, as root. The answer is frames
 * (core/node/exec-frames.ts).
 */
export async function exec(request: KubeRequest): Promise<Response> {
  const { c, deps, keyspace, target } = request;
  const body = commandSchema.safeParse(await readObject(request));
  if (!body.success) throw badRequest(`the command can't be read: ${z.prettifyError(body.error).replaceAll('\n', ' ')}`);
  const { command, timeoutSeconds = 3600 } = body.data;
  if (command.join(' ').length > COMMAND_CHARACTERS_MAX)
    throw badRequest(`a command may have ${COMMAND_CHARACTERS_MAX} characters: put what is longer into a file on the host`);
  const view = await keyspace.sync();
  const nodeName = hostOf(request, view);
  // Before it is asked for: the host may run it and yet not answer, or who asked may hang up before it does.
  deps.onWrite?.({
    principal: c.var.principal,
    cluster: c.var.cluster,
    verb: 'create',
    kind: 'Unit',
    namespace: '',
    name: target.name!,
    subresource: 'exec',
    host: nodeName,
    revision: view.revision,
  });
  const stream = await ask(request, nodeName, { kind: 'exec', unit: target.name!, command, timeoutSeconds });
  return answer(stream, 'application/vnd.terrane.exec-frames');
}

function answer(body: ReadableStream<Uint8Array>, type: string): Response {
  return new Response(body, { headers: { 'content-type': type, 'cache-control': 'no-store', 'x-accel-buffering': 'no' } });
}

async function ask({ c, deps }: KubeRequest, nodeName: string, request: StreamRequest): Promise<ReadableStream<Uint8Array>> {
  const { tenant, id } = c.var.cluster;
  const stream = await deps.relay.request(tenant, id, nodeName, request, c.req.raw.signal);
  if (!stream.ok) throw new StatusError(reasonOf(stream.status), stream.message, {}, stream.status);
  return stream.body;
}

/** The unit's host, or of several the one that is asked for. */
function hostOf({ c, target }: KubeRequest, view: ReadView): string {
  const { definition, name = '' } = target;
  const unit = getResource(view, 'Unit', '', name);
  if (!unit) throw notFound(definition, name);
  const hosts = (unit.status?.hosts ?? []).filter(({ uid }) => uid === undefined).map(({ nodeName }) => nodeName);
  const asked = c.req.query('host');
  if (hosts.length === 0) throw badRequest(`unit ${name} is on no host (terrane unit status ${name} says why)`);
  if (asked) {
    if (hosts.includes(asked)) return asked;
    throw badRequest(`unit ${name} is not on host ${asked.slice(0, 80)}: it is on ${listed(hosts)}`);
  }
  if (hosts.length === 1) return hosts[0]!;
  throw badRequest(`unit ${name} is on several hosts: choose one of ${listed(hosts)}`);
}

const LISTED = 20;
const listed = (hosts: readonly string[]) =>
  hosts.slice(0, LISTED).join(', ') + (hosts.length > LISTED ? `, and ${hosts.length - LISTED} more` : '');
