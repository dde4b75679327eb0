import { V2Error } from './errors.ts';

/** A request to /v2/keys, from its query and form together, as etcd reads them: the form comes first. */
export interface V2Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly recursive: boolean;
  readonly sorted: boolean;
  readonly quorum: boolean;
  readonly wait: boolean;
  readonly stream: boolean;
  /** 0: not given. */
  readonly waitIndex: number;
  readonly value: string;
  readonly dir: boolean;
  /** Seconds; undefined: not given, which takes an old one away. */
  readonly ttl: number | undefined;
  readonly refresh: boolean;
  readonly prevExist: boolean | undefined;
  /** '': not given. */
  readonly prevValue: string;
  readonly prevIndex: number;
  readonly noValueOnSuccess: boolean;
}

/** Throws V2Error in etcd's order: what is looked at first is complained of first. */
export function readRequest(method: V2Request['method'], path: string, query: URLSearchParams, form: URLSearchParams): V2Request {
  const get = (name: string) => form.get(name) ?? query.get(name) ?? '';
  const given = (name: string) => form.has(name) || query.has(name);
  const index = (name: string) => number(get(name), () => new V2Error('indexNotANumber', `invalid value for "${name}"`)) ?? 0;
  const flag = (name: string) => bool(name, get(name));

  const [prevIndex, waitIndex] = [index('prevIndex'), index('waitIndex')];
  const [recursive, sorted, wait, dir, quorum, stream] = [
    flag('recursive'),
    flag('sorted'),
    flag('wait'),
    flag('dir'),
    flag('quorum'),
    flag('stream'),
  ];
  if (wait && method !== 'GET') throw new V2Error('invalidField', '"wait" can only be used with GET requests');
  const prevValue = get('prevValue');
  if (given('prevValue') && prevValue === '') throw new V2Error('prevValueRequired', '"prevValue" cannot be empty');
  const noValueOnSuccess = flag('noValueOnSuccess');
  const ttl = number(get('ttl'), () => new V2Error('ttlNotANumber', 'invalid value for "ttl"'));
  const prevExist = given('prevExist') ? exists(get('prevExist')) : undefined;
  const refresh = given('refresh') && flag('refresh');
  const value = get('value');
  if (refresh && value !== '') throw new V2Error('refreshValue', 'A value was provided on a refresh');
  if (refresh && ttl === undefined) throw new V2Error('refreshTtlRequired', 'No TTL value set');
  return {
    method,
    path,
    recursive,
    sorted,
    quorum,
    wait,
    stream,
    waitIndex,
    value,
    dir,
    ttl,
    refresh,
    prevExist,
    prevValue,
    prevIndex,
    noValueOnSuccess,
  };
}

function number(text: string, error: () => V2Error): number | undefined {
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw error();
  return Number(text);
}

/** Go's strconv.ParseBool. */
const BOOL: Readonly<Record<string, boolean>> = {
  '': false,
  '1': true,
  t: true,
  T: true,
  TRUE: true,
  true: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  FALSE: false,
  false: false,
  False: false,
};

function bool(name: string, text: string): boolean {
  const value = Object.hasOwn(BOOL, text) ? BOOL[text] : undefined;
  if (value === undefined) throw new V2Error('invalidField', `invalid value for "${name}"`);
  return value;
}

function exists(text: string): boolean {
  if (text === '' || !Object.hasOwn(BOOL, text)) throw new V2Error('invalidField', 'invalid value for prevExist');
  return BOOL[text]!;
}
