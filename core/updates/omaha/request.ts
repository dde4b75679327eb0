import { SaxesParser, type SaxesTagPlain } from 'saxes';

/** An Omaha v3 request, as far as it is acted on (https://github.com/google/omaha/blob/main/doc/ServerProtocolV3.md). */
export interface OmahaRequest {
  readonly protocol: string;
  /** Name and version of the client. */
  readonly updater: string;
  readonly os: { readonly platform: string; readonly arch: string };
  readonly apps: readonly OmahaApp[];
}

/** Absent attributes are ''. */
export interface OmahaApp {
  /** As sent, which may be with or without braces, in either case. */
  readonly appId: string;
  readonly version: string;
  readonly track: string;
  readonly machineId: string;
  readonly machineAlias: string;
  readonly bootId: string;
  readonly board: string;
  readonly oem: string;
  readonly oemVersion: string;
  readonly alephVersion: string;
  readonly ping: boolean;
  readonly updateCheck: boolean;
  readonly events: readonly OmahaEvent[];
}

export interface OmahaEvent {
  readonly type: number;
  readonly result: number;
  readonly errorCode: number;
  readonly previousVersion: string;
}

/** The document is no Omaha request. The message says where and why, for its sender. */
export class OmahaSyntaxError extends Error {
  override readonly name = 'OmahaSyntaxError';
}

/** More in one request is a mistake or an attack: stock clients send one, their installers two. */
const APPS_MAX = 20;
const EVENTS_MAX = 50;

/**
 * Reads a request. Elements and attributes that aren't known are passed over, also around the ones that are. Entities other than XML's
 * own five are refused, so nothing can be made to expand. Throws OmahaSyntaxError.
 */
export function parseRequest(xml: string): OmahaRequest {
  const parser = new SaxesParser();
  let root: SaxesTagPlain | undefined;
  let os: Attributes = {};
  const apps: Building[] = [];
  let depth = 0;
  let inApp: { readonly app: Building; readonly depth: number } | undefined;

  parser.on('doctype', () => {
    throw new OmahaSyntaxError('a document type is not allowed');
  });
  parser.on('error', (error) => {
    throw new OmahaSyntaxError(error.message);
  });
  parser.on('opentag', (tag) => {
    depth++;
    if (depth === 1) root = tag;
    else if (depth === 2 && tag.name === 'os') os = tag.attributes;
    else if (depth === 2 && tag.name === 'app') {
      if (apps.length === APPS_MAX) throw new OmahaSyntaxError(`more than ${APPS_MAX} apps in one request`);
      const app: Building = { attributes: tag.attributes, ping: false, updateCheck: false, events: [] };
      apps.push(app);
      inApp = { app, depth };
    } else if (inApp && depth === inApp.depth + 1) addTo(inApp.app, tag);
  });
  parser.on('closetag', () => {
    if (inApp?.depth === depth) inApp = undefined;
    depth--;
  });
  parser.write(xml).close();

  if (root?.name !== 'request') throw new OmahaSyntaxError('the document is not a <request>');
  const protocol = text(root.attributes, 'protocol');
  if (!/^3\.\d+$/.test(protocol)) throw new OmahaSyntaxError(`protocol "${protocol}" is not served: use 3.0 or 3.1`);
  return {
    protocol,
    updater: text(root.attributes, 'version') || text(root.attributes, 'updaterversion'),
    os: { platform: text(os, 'platform'), arch: text(os, 'arch') || text(os, 'sp') },
    apps: apps.map(built),
  };
}

type Attributes = Readonly<Record<string, string>>;

interface Building {
  readonly attributes: Attributes;
  ping: boolean;
  updateCheck: boolean;
  readonly events: OmahaEvent[];
}

function addTo(app: Building, { name, attributes }: SaxesTagPlain): void {
  if (name === 'ping') app.ping = true;
  else if (name === 'updatecheck') app.updateCheck = true;
  else if (name === 'event') {
    if (app.events.length === EVENTS_MAX) throw new OmahaSyntaxError(`more than ${EVENTS_MAX} events of one app`);
    app.events.push({
      type: integer(attributes, 'eventtype'),
      result: integer(attributes, 'eventresult'),
      errorCode: integer(attributes, 'errorcode'),
      previousVersion: text(attributes, 'previousversion'),
    });
  }
}

function built({ attributes, ping, updateCheck, events }: Building): OmahaApp {
  return {
    appId: text(attributes, 'appid'),
    version: text(attributes, 'version'),
    track: text(attributes, 'track'),
    machineId: text(attributes, 'machineid'),
    machineAlias: text(attributes, 'machinealias'),
    bootId: text(attributes, 'bootid'),
    board: text(attributes, 'board'),
    oem: text(attributes, 'oem'),
    oemVersion: text(attributes, 'oemversion'),
    alephVersion: text(attributes, 'alephversion'),
    ping,
    updateCheck,
    events,
  };
}

const text = (attributes: Attributes, name: string): string => attributes[name] ?? '';

function integer(attributes: Attributes, name: string): number {
  const value = Number(attributes[name] ?? '0');
  if (!Number.isSafeInteger(value)) throw new OmahaSyntaxError(`${name}="${attributes[name]}" is not a number`);
  return value;
}
