/** A header field as it lies in HPACK's tables: what can be said of it once is not asked again for each request. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** As RFC 7541, section 4.1 counts it. */
  readonly size: number;
  /** Whether HTTP/2 forbids it in a request (RFC 9113, section 8.2). */
  readonly malformed: boolean;
}

const OVERHEAD_BYTES = 32;

export function headerField(name: string, value: string): HeaderField {
  return { name, value, size: name.length + value.length + OVERHEAD_BYTES, malformed: isMalformed(name, value) };
}

/** RFC 9113, 8.2.1: names are lower case and visible; values hold no NUL, CR, LF, and no blank at either end. */
const NAME = /^:?[\x21-\x39\x3b-\x40\x5b-\x7e]+$/;
// oxlint-disable-next-line no-control-regex -- these are the very characters that are forbidden
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;
/** 8.2.2 */
const OF_THE_CONNECTION = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

function isMalformed(name: string, value: string): boolean {
  return !NAME.test(name) || BAD_VALUE.test(value) || OF_THE_CONNECTION.has(name) || (name === 'te' && value !== 'trailers');
}
