/**
 * Kubernetes quantities (`100m`, `1.5`, `128Mi`, `2e3`), exactly: a value is a whole number of nano-units in a bigint.
 * Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

export interface Quantity {
  /** The value times 10^9. Finer digits are rounded up, as Kubernetes does. */
  readonly nano: bigint;
  readonly format: 'DecimalSI' | 'BinarySI' | 'DecimalExponent';
}

const NANO = 1_000_000_000n;
const SYNTAX = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Throws RangeError with a sentence for the user if `text` isn't a quantity. */
export function parseQuantity(text: string | number): Quantity {
  const match = String(text).length > 64 ? null : SYNTAX.exec(String(text));
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match ?? [];
  if (!match || whole + fraction === '')
    throw new RangeError(`${JSON.stringify(text)} is not a quantity such as 100m, 1.5 or 128Mi`);
  const binary = suffix.endsWith('i');
  const power = exponent ? Number(exponent.slice(1)) : binary ? 0 : 3 * (DECIMAL.indexOf(suffix) - 3);
  if (Math.abs(power) > 27) throw new RangeError(`${JSON.stringify(text)} is out of range`);
  const factor = binary ? 1n << BigInt(10 * BINARY.indexOf(suffix)) : 1n;
  // digits * 10^(power - |fraction|) * factor, in nano: scale so that no digit is lost before the one rounding.
  const scale = power - fraction.length + 9;
  const scaled = BigInt(whole + fraction) * factor;
  const magnitude = scale >= 0 ? scaled * 10n ** BigInt(scale) : divideUp(scaled, 10n ** BigInt(-scale));
  return {
    nano: sign === '-' ? -magnitude : magnitude,
    format: binary ? 'BinarySI' : exponent ? 'DecimalExponent' : 'DecimalSI',
  };
}

/** Negative, 0 or positive, as `a` is less than, equal to or more than `b`. */
export function compareQuantity(a: string | number, b: string | number): number {
  const difference = parseQuantity(a).nano - parseQuantity(b).nano;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Canonical text: no fraction, the largest suffix that loses nothing (`1.5Gi` -> `1536Mi`, `0.5` -> `500m`). */
function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const magnitude = nano < 0n ? -nano : nano;
  if (format === 'BinarySI' && magnitude >= 1024n * NANO && magnitude % NANO === 0n) {
    let value = magnitude / NANO;
    let step = 0;
    while (value % 1024n === 0n && step < BINARY.length - 1) [value, step] = [value / 1024n, step + 1];
    return `${sign}${value}${BINARY[step]}`;
  }
  let value = magnitude;
  let step = 0;
  while (value % 1000n === 0n && step < DECIMAL.length - 1) [value, step] = [value / 1000n, step + 1];
  if (format !== 'DecimalExponent') return `${sign}${value}${DECIMAL[step]}`;
  return step === 3 ? `${sign}${value}` : `${sign}${value}e${3 * (step - 3)}`;
}

export function canonicalQuantity(text: string | number): string {
  return formatQuantity(parseQuantity(text));
}

/** CPU as whole millicores, rounded up. */
export function milliValue(text: string | number): number {
  return Number(divideUp(parseQuantity(text).nano, 1_000_000n));
}

/** Bytes or a count, rounded up to a whole number. */
export function wholeValue(text: string | number): number {
  return Number(divideUp(parseQuantity(text).nano, NANO));
}

function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value > 0n && value % divisor !== 0n ? quotient + 1n : quotient;
}
