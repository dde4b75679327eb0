import { SaxesParser } from 'saxes';
import { OmahaSyntaxError } from './request.ts';

/** What a server answers to one app's update check, as far as a mirror needs it. */
export interface OmahaOffer {
  /** Of the app: `ok`, or why not. */
  readonly status: string;
  /** Of the check: `ok`, `noupdate`, or an error. */
  readonly check: string;
  readonly version: string;
  /** Folders of the files. */
  readonly codebases: readonly string[];
  readonly files: readonly OfferedFile[];
}

export interface OfferedFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string | undefined;
  /** 40 hexadecimal digits. */
  readonly sha1: string | undefined;
}

/** Reads the first app's answer, and its first manifest. Throws OmahaSyntaxError. */
export function parseResponse(xml: string): OmahaOffer {
  const parser = new SaxesParser();
  const offer = { status: '', check: '', version: '', codebases: [] as string[], files: [] as OfferedFile[] };
  let root = '';
  let action: string | undefined;
  parser.on('doctype', () => {
    throw new OmahaSyntaxError('a document type is not allowed');
  });
  parser.on('error', (error) => {
    throw new OmahaSyntaxError(error.message);
  });
  parser.on('opentag', ({ name, attributes }) => {
    const text = (attribute: string): string => attributes[attribute] ?? '';
    root ||= name;
    if (name === 'app') offer.status ||= text('status');
    else if (name === 'updatecheck') offer.check ||= text('status');
    else if (name === 'manifest') offer.version ||= text('version');
    else if (name === 'url') offer.codebases.push(text('codebase'));
    else if (name === 'package') {
      const size = Number(text('size'));
      offer.files.push({ name: text('name'), size, sha256: digits(text('hash_sha256'), 32), sha1: digits(text('hash'), 20) });
    } else if (name === 'action' && text('event') === 'postinstall') action ??= digits(text('sha256'), 32);
  });
  parser.write(xml).close();
  if (root !== 'response') throw new OmahaSyntaxError(`the document is <${root}>, not <response>`);
  // update_engine's servers say the payload's sum in its action only.
  const [payload, ...others] = offer.files;
  return payload ? { ...offer, files: [{ ...payload, sha256: payload.sha256 ?? action }, ...others] } : offer;
}

/** Of base64, or as it is if it is hexadecimal already; undefined if it isn't that many bytes. */
function digits(text: string, bytes: number): string | undefined {
  if (text.length === bytes * 2 && /^[0-9a-f]+$/i.test(text)) return text.toLowerCase();
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === bytes ? decoded.toString('hex') : undefined;
}
