import { escapeXml } from './escape-xml.ts';

/** An Omaha v3 response (https://github.com/google/omaha/blob/main/doc/ServerProtocolV3.md), as update_engine and ue-rs read it. */
export interface OmahaAnswer {
  /** As the client sent it: it looks for its own. */
  readonly appId: string;
  readonly status: 'ok' | 'error-unknownApplication' | 'error-invalidAppId';
  readonly ping: boolean;
  readonly updateCheck?: UpdateCheckAnswer | undefined;
  /** How many events are acknowledged. */
  readonly events: number;
}

export type UpdateCheckAnswer =
  /** Also for an instance that has to wait: update_engine reports any other status as a failed update. */
  | { readonly status: 'noupdate'; readonly pollSeconds?: number | undefined }
  | { readonly status: 'ok'; readonly manifest: OmahaManifest };

export interface OmahaManifest {
  readonly version: string;
  /** Where the files lie; each file's name is appended. Without a query string: clients would put the name after it. */
  readonly codebases: readonly string[];
  /** The payload first: update_engine reads no other. */
  readonly files: readonly OmahaFile[];
  /** update_engine's postinstall action. */
  readonly action?: OmahaAction | undefined;
}

export interface OmahaFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Base64. */
  readonly sha1?: string | undefined;
  /** Base64. */
  readonly sha256?: string | undefined;
}

export interface OmahaAction {
  /** Of the payload, base64. */
  readonly sha256: string;
  readonly isDelta: boolean;
  readonly disablePayloadBackoff: boolean;
  readonly metadataSize?: string | undefined;
  readonly metadataSignatureRsa?: string | undefined;
  readonly deadline?: string | undefined;
  readonly displayVersion?: string | undefined;
}

export interface OmahaResponse {
  readonly server: string;
  /** Since midnight UTC. */
  readonly elapsedSeconds: number;
  readonly apps: readonly OmahaAnswer[];
}

export function formatResponse({ server, elapsedSeconds, apps }: OmahaResponse): string {
  const daystart = element('daystart', { elapsed_seconds: elapsedSeconds });
  const response = element('response', { protocol: '3.0', server }, daystart + apps.map(formatApp).join(''));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${response}\n`;
}

function formatApp({ appId, status, ping, updateCheck, events }: OmahaAnswer): string {
  const parts = [
    ping ? element('ping', { status: 'ok' }) : '',
    updateCheck ? formatUpdateCheck(updateCheck) : '',
    element('event', { status: 'ok' }).repeat(events),
  ];
  return element('app', { appid: appId, status }, parts.join(''));
}

function formatUpdateCheck(answer: UpdateCheckAnswer): string {
  if (answer.status === 'noupdate') return element('updatecheck', { PollInterval: answer.pollSeconds, status: 'noupdate' });
  const { version, codebases, files, action } = answer.manifest;
  const urls = codebases.map((codebase) => element('url', { codebase })).join('');
  const packages = files.map(({ name, size, sha1, sha256 }) =>
    element('package', { name, hash: sha1, size, required: true, hash_sha256: sha256 }),
  );
  const manifest = element('packages', {}, packages.join('')) + (action ? element('actions', {}, formatAction(action)) : '');
  return element('updatecheck', { status: 'ok' }, element('urls', {}, urls) + element('manifest', { version }, manifest));
}

function formatAction(action: OmahaAction): string {
  return element('action', {
    event: 'postinstall',
    DisplayVersion: action.displayVersion,
    sha256: action.sha256,
    needsadmin: false,
    IsDeltaPayload: action.isDelta,
    DisablePayloadBackoff: action.disablePayloadBackoff,
    MetadataSignatureRsa: action.metadataSignatureRsa,
    MetadataSize: action.metadataSize,
    deadline: action.deadline,
  });
}

type AttributeValue = string | number | boolean | undefined;

function element(name: string, attributes: Readonly<Record<string, AttributeValue>>, content = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}
