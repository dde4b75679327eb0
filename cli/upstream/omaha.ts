import { randomBytes } from 'node:crypto';
import { escapeXml } from '../../core/updates/omaha/escape-xml.ts';
import { type OmahaOffer, parseResponse } from '../../core/updates/omaha/parse-response.ts';
import { CliError } from '../errors.ts';

export interface Upstream {
  /** Of its Omaha endpoint; what stands before an @ is sent as Basic auth, as update_engine does. */
  readonly url: URL;
  readonly appId: string;
  readonly track: string;
  readonly arch: 'amd64' | 'arm64';
}

/** One visit to an upstream server: it sees a host that has nothing yet, and is told how that went. */
export interface Visit {
  readonly offer: OmahaOffer;
  /** `ok`: it runs the version now. Servers with limits then give the place to the next one. */
  tell(ok: boolean): Promise<void>;
}

const FLATCAR = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
const NOTHING = '0.0.0';
const TIMEOUT_MS = 60_000;
const ANSWER_BYTES_MAX = 1_000_000;

export async function visit(upstream: Upstream): Promise<Visit> {
  const machine = randomBytes(16).toString('hex');
  const offer = await ask(upstream, machine, NOTHING, '<ping active="1"/><updatecheck/>');
  return {
    offer,
    async tell(ok) {
      const version = ok ? offer.version : NOTHING;
      const result = ok ? `eventresult="2" previousversion="${NOTHING}.1"` : 'eventresult="0" errorcode="1"';
      await ask(upstream, machine, version, `<event eventtype="3" ${result}/>`).catch(() => undefined);
    },
  };
}

async function ask(
  { url, appId, track, arch }: Upstream,
  machine: string,
  version: string,
  content: string,
): Promise<OmahaOffer> {
  const id = appId === 'flatcar' ? FLATCAR : appId;
  const app = `<app appid="${escapeXml(id)}" version="${escapeXml(version)}" track="${escapeXml(track)}" machineid="${machine}" board="${arch}-usr" bootid="{${machine}}" delta_okay="false">${content}</app>`;
  const os = `<os platform="CoreOS" version="Chateau" sp="${NOTHING}_${arch === 'arm64' ? 'aarch64' : 'x86_64'}"/>`;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<request protocol="3.0" version="terrane-sync" installsource="ondemandupdate" ismachine="1">${os}${app}</request>`;
  const { username, password } = url;
  const plain = new URL(url);
  plain.username = plain.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  const headers = { 'content-type': 'text/xml', ...(username !== '' && { authorization }) };
  try {
    const response = await fetch(plain, { method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    if (!response.ok || text.length > ANSWER_BYTES_MAX) throw new Error(`HTTP ${response.status} ${text.slice(0, 200)}`.trim());
    return parseResponse(text);
  } catch (error) {
    throw new CliError(`${plain.href} does not answer as an Omaha server does: ${(error as Error).message}`, {
      fix: 'Check the URL; a private certificate authority is named in NODE_EXTRA_CA_CERTS.',
    });
  }
}
