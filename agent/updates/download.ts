import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { OfferedUpdate } from '../../core/updates/agent-protocol.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import { byProxy } from '../uplink/by-proxy.ts';
import { UpdateFailure } from './driver.ts';

export interface DownloadOptions {
  /** PEM of the control plane's own authority, which may be who serves the files: beside those that everybody trusts. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
  readonly retryMs?: number;
}

const TRIES = 5;
const RETRY_MS = 2_000;
const REDIRECTS_MAX = 10;
/** A server that sends nothing for so long has hung. */
const IDLE_MS = 60_000;

/**
 * Brings the files of an update into a folder, each whole and with the promised sum or not at all. What is there already is checked and
 * kept, so that a host that was interrupted doesn't begin again.
 */
export async function downloadFiles(update: OfferedUpdate, folder: string, options: DownloadOptions): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const { name, size, sha256 } of update.files) {
    const path = join(folder, name);
    if ((await sumOf(path, size)) === sha256) continue;
    await downloadFile(new URL(name, update.url), path, { size, sha256 }, options);
  }
}

async function downloadFile(
  url: URL,
  path: string,
  wanted: { readonly size: number; readonly sha256: string },
  { ca, signal, retryMs = RETRY_MS }: DownloadOptions,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await fetchTo(url, `${path}.part`, wanted, ca, signal);
      await rename(`${path}.part`, path);
      await syncFolder(dirname(path));
      return;
    } catch (error) {
      await rm(`${path}.part`, { force: true });
      if (error instanceof UpdateFailure) throw error;
      if (signal.aborted || tries === TRIES)
        throw new UpdateFailure('downloadFailed', `${url.href} could not be downloaded: ${messageOf(error)}`);
      await abortableDelay(retryMs * 2 ** (tries - 1), signal);
    }
  }
}

async function fetchTo(
  url: URL,
  path: string,
  { size, sha256 }: { readonly size: number; readonly sha256: string },
  ca: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const response = await follow(url, ca, signal);
  const file = await open(path, 'w', 0o600);
  try {
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > size)
        throw new UpdateFailure('wrongSum', `${url.href} is longer than the ${size} bytes that the package names`);
      hash.update(chunk);
      await file.write(chunk);
    }
    if (length < size) throw new Error(`it ended after ${length} of ${size} bytes`);
    const sum = hash.digest('hex');
    if (sum !== sha256) throw new UpdateFailure('wrongSum', `${url.href} has the SHA-256 ${sum}; the package names ${sha256}`);
    await file.sync();
  } finally {
    response.destroy();
    await file.close();
  }
}

/** From https never to http: who may answer in plain text may also change it. */
async function follow(url: URL, ca: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await ask(at, ca, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return response;
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined)
      throw new Error(`the server answered ${statusCode}`);
    const next = new URL(headers.location, at);
    if (at.protocol === 'https:' && next.protocol !== 'https:')
      throw new Error(`it was redirected from https to ${next.protocol}`);
    at = next;
  }
  throw new Error(`more than ${REDIRECTS_MAX} redirects`);
}

function ask(url: URL, ca: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsGet(url, { signal, agent: byProxy(url), ...(ca && { ca: [...rootCertificates, ca] }) }, resolve)
        : httpGet(url, { signal, agent: byProxy(url) }, resolve);
    request.once('error', reject);
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`nothing came for ${IDLE_MS / 1000} s`)));
  });
}

/** SHA-256 of a file of that size; undefined: there is none. */
async function sumOf(path: string, size: number): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== size) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
