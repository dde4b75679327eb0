import type { Context } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { parseDuration } from '../../core/resources/go-duration.ts';
import type { UpdatePackage } from '../../core/resources/schema/update-package.ts';
import { listResources } from '../../core/resources/write.ts';
import type { ReadView } from '../../core/keyspace/types.ts';
import { check, type CheckAnswer } from '../../core/updates/check.ts';
import { type CodebaseContext, codebaseOf } from '../../core/updates/codebase.ts';
import { happeningOf } from '../../core/updates/omaha/events.ts';
import { type OmahaApp, type OmahaRequest, OmahaSyntaxError, parseRequest } from '../../core/updates/omaha/request.ts';
import { formatResponse, type OmahaAnswer, type OmahaManifest } from '../../core/updates/omaha/response.ts';
import { applicationOf, rebootsIntoUpdates } from '../../core/updates/settings.ts';
import { readBytes } from '../read-body.ts';
import type { UpdatesDeps } from './deps.ts';
import type { GuardedRegistry } from './guarded-registry.ts';

const BODY_BYTES_MAX = 64 * 1024;

/** One request of an Omaha client: its apps one after the other, each in a transaction of its own. */
export async function serveOmaha(c: Context, deps: UpdatesDeps, registry: GuardedRegistry): Promise<Response> {
  return answerOmaha(c, deps, registry, await readBytes(c.req.raw, BODY_BYTES_MAX));
}

/** As serveOmaha, of a body that was read already. `speaksFor`: whether the sender may speak for the host with a machine id. */
export async function answerOmaha(
  c: Context,
  deps: Pick<UpdatesDeps, 'instances' | 'clock' | 'clientIp' | 'newUid' | 'ticketKey'>,
  registry: Pick<GuardedRegistry, 'tenant' | 'cluster' | 'transact'>,
  bytes: Uint8Array,
  speaksFor: (machineId: string) => boolean = () => true,
): Promise<Response> {
  const request = requestOf(bytes);
  for (const app of request.apps) {
    requireMachineId(app);
    if (app.machineId !== '' && !speaksFor(app.machineId))
      throw new TerraneError(
        'invalid_omaha',
        `machineid="${app.machineId.slice(0, 128)}" is not that of the host that sends it.`,
      );
  }
  const { tenant, cluster } = registry;
  const apps: OmahaAnswer[] = [];
  for (const app of request.apps) {
    const application = applicationOf(app.appId);
    const reboots = rebootsIntoUpdates(application);
    const arch = archOf(request, app);
    const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const { result } = await registry.transact((txn) =>
      check(
        txn,
        {
          application,
          instance: app.machineId,
          version: app.version,
          track: app.track,
          arch,
          labels: () => labelsOf(txn, app),
          happenings: app.events.map((event) => happeningOf(event, reboots)).filter((happening) => happening !== undefined),
          asks: app.updateCheck,
        },
        ctx,
      ),
    );
    if (result.type !== 'unknown-group') {
      const { metadata, spec } = result.group;
      const [version, alias, oem] = [app.version, app.machineAlias, app.oem].map(short) as [string, string, string];
      const seen = { application, instance: app.machineId, group: metadata.uid, at: ctx.now, version, arch, alias, oem };
      const ttl = parseDuration(spec.instanceTtl ?? '30d') ?? 0;
      await deps.instances.put(tenant, cluster, { ...seen, ip: deps.clientIp(c) ?? '' }, ttl);
    }
    const { origin } = new URL(c.req.url);
    apps.push(answerOf(app, result, { origin, tenant, cluster, now: ctx.now, key: deps.ticketKey }));
  }
  const elapsedSeconds = Math.floor((deps.clock.now() % 86_400_000) / 1000);
  return c.body(formatResponse({ server: 'terrane', elapsedSeconds, apps }), 200, { 'content-type': 'text/xml; charset=utf-8' });
}

function requestOf(bytes: Uint8Array): OmahaRequest {
  try {
    return parseRequest(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof OmahaSyntaxError) && !(error instanceof TypeError)) throw error;
    throw new TerraneError('invalid_omaha', `The body is not an Omaha request: ${error.message}.`);
  }
}

/** A host may say of itself what it likes: its item stays at one write unit all the same. */
const short = (text: string): string => text.slice(0, 128);

/** It becomes part of keys, and limits are counted by it. */
function requireMachineId({ machineId, updateCheck, events }: OmahaApp): void {
  if (/^[0-9A-Za-z_.:{}-]{1,128}$/.test(machineId) || !(updateCheck || events.length > 0)) return;
  throw new TerraneError(
    'invalid_omaha',
    `machineid="${machineId.slice(0, 128)}" is not an id: 1 to 128 letters, digits and _ . : { } -`,
  );
}

function archOf({ os }: OmahaRequest, { board }: OmahaApp): string {
  return /^(arm64|aarch64)|_aarch64$/.test(board || os.arch) ? 'arm64' : 'amd64';
}

/** What waves select by: what the host says, and the labels of the node that it is, if it is one. */
function labelsOf(view: ReadView, { machineId, machineAlias, oem }: OmahaApp): Record<string, string> {
  const node = listResources(view, 'Node').find(({ status }) => status?.nodeInfo?.machineID === machineId);
  return { ...(oem && { oem }), ...(machineAlias && { alias: machineAlias }), ...node?.metadata.labels };
}

function answerOf(app: OmahaApp, result: CheckAnswer, context: CodebaseContext): OmahaAnswer {
  const common = { appId: app.appId, ping: app.ping, events: app.events.length };
  switch (result.type) {
    case 'unknown-group':
      return { ...common, status: 'error-unknownApplication' };
    case 'acknowledged':
      return { ...common, status: 'ok' };
    case 'hold':
      return { ...common, status: 'ok', updateCheck: { status: 'noupdate' } };
    case 'update':
      return { ...common, status: 'ok', updateCheck: { status: 'ok', manifest: manifestOf(result.package, context) } };
  }
}

function manifestOf(update: UpdatePackage, context: CodebaseContext): OmahaManifest {
  const { spec } = update;
  const [payload] = spec.files;
  return {
    version: spec.version,
    codebases: [codebaseOf(update, context)],
    files: spec.files.map(({ name, size, sha256, sha1 }) => ({
      name,
      size,
      sha256: base64(sha256),
      ...(sha1 !== undefined && { sha1: base64(sha1) }),
    })),
    ...(applicationOf(spec.application) === 'flatcar' && {
      action: {
        sha256: base64(payload!.sha256),
        isDelta: spec.flatcar?.isDelta ?? false,
        disablePayloadBackoff: true,
        metadataSize: spec.flatcar?.metadataSize,
        metadataSignatureRsa: spec.flatcar?.metadataSignatureRsa,
      },
    }),
  };
}

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
