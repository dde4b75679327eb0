import { b64 } from '../../../functions/api/etcd/testing/harness.ts';

/** JSON, text as it is, or made of the store's revision when the case begins. */
export type Body = object | string | null | ((revision: number) => object);

export interface Case {
  readonly name: string;
  readonly requests: readonly (readonly [path: string, body: Body])[];
  /** Errors of the JSON decoder: only status and code are compared, the words are those of another decoder. */
  readonly looseWords?: boolean;
}

const RANGE = '/v3/kv/range';
const PUT = '/v3/kv/put';
const DELETE = '/v3/kv/deleterange';
const TXN = '/v3/kv/txn';
const COMPACT = '/v3/kv/compaction';
const GRANT = '/v3/lease/grant';
const REVOKE = '/v3/lease/revoke';
const TTL = '/v3/lease/timetolive';

const key = (text: string, end?: string) => ({ key: b64(text), ...(end !== undefined && { range_end: b64(end) }) });
const put = (text: string, value = 'v', more: object = {}) => ({ ...key(text), value: b64(value), ...more });
const putOp = (text: string, value = 'v', more: object = {}) => ({ request_put: put(text, value, more) });
const rangeOp = (text: string, end?: string, more: object = {}) => ({ request_range: { ...key(text, end), ...more } });
const deleteOp = (text: string, end?: string, more: object = {}) => ({ request_delete_range: { ...key(text, end), ...more } });
const txnOp = (...success: object[]) => ({ request_txn: { success } });
const every = (body: object, ...variants: object[]) => variants.map((variant) => [RANGE, { ...body, ...variant }] as const);
const compares = (...list: object[]) => list.map((compare) => [TXN, { compare: [compare] }] as const);
const succeeding = (...lists: object[][]) => lists.map((success) => [TXN, { success }] as const);

/** Three keys whose orders by key, version, creation, change and value all differ. */
const SORTABLE = ['sb:2', 'sa:3', 'sc:1', 'sa:3', 'sc:4', 'sc:0'].map((text) => {
  const [name, value] = text.split(':');
  return [PUT, put(name!, value)] as const;
});
const SORTED = ['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'].flatMap((sort_target) =>
  ['NONE', 'ASCEND', 'DESCEND'].flatMap((sort_order) =>
    [0, 2].map((limit) => [RANGE, { ...key('s', 't'), sort_target, sort_order, limit }] as const),
  ),
);

export const CASES: readonly Case[] = [
  { name: 'a missing key', requests: [[RANGE, key('missing')]] },
  { name: 'no key', requests: [RANGE, PUT, DELETE].map((path) => [path, {}] as const) },
  { name: 'no body', requests: [RANGE, PUT, DELETE, TXN].map((path) => [path, ''] as const) },
  {
    name: 'null for zero',
    requests: [
      [PUT, null],
      [PUT, { key: null }],
      [RANGE, { ...key('a'), limit: null }],
    ],
  },
  {
    name: 'put and read back',
    requests: [
      [PUT, put('a')],
      [RANGE, key('a')],
      [PUT, put('a', 'w', { prev_kv: true })],
      [RANGE, key('a')],
      [PUT, put('a', '')],
      [RANGE, key('a')],
    ],
  },
  {
    name: 'names in camelCase',
    requests: [
      [PUT, { ...put('a'), prevKv: true }],
      [RANGE, { key: b64('a'), rangeEnd: b64('b'), keysOnly: true }],
    ],
  },
  { name: 'unknown names are ignored', requests: [[PUT, put('a', 'v', { bogus: { x: [1] } })]] },
  {
    name: 'every byte in keys and values',
    requests: [
      [PUT, put('\u0000', '\u0000')],
      [PUT, put('\u00ff\u00fe', '\u0080\u00ff')],
      [PUT, put('\u00ff', '')],
      [RANGE, key('\u0000', '\u0000')],
      [RANGE, key('\u00fe', '\u0000')],
      [DELETE, key('\u00ff', '\u0000')],
      [DELETE, key('\u0000')],
    ],
  },
  {
    name: 'range ends',
    requests: [
      ...['ra', 'rb', 'rc', 'rd'].map((name) => [PUT, put(name)] as const),
      [RANGE, key('ra', 'rc')],
      [RANGE, key('rb', 'rb')],
      [RANGE, key('rc', 'ra')],
      [RANGE, key('rb', 'rb\u0000')],
      [RANGE, { ...key('rc', '\u0000'), keys_only: true }],
      [RANGE, { ...key('\u0000', '\u0000'), count_only: true }],
    ],
  },
  {
    name: 'limit, more and count',
    requests: [
      ...['la', 'lb', 'lc'].map((name) => [PUT, put(name)] as const),
      ...every(key('l', 'm'), { limit: 1 }, { limit: 2 }, { limit: 3 }, { limit: '3' }, { limit: 4 }, { limit: -1 }),
      ...every(
        key('l', 'm'),
        { count_only: true, limit: 1 },
        { keys_only: true },
        { keys_only: true, limit: 1, serializable: true },
      ),
    ],
  },
  { name: 'every order, with and without a limit', requests: [...SORTABLE, ...SORTED] },
  {
    name: 'sort by number, and by a name that is none',
    requests: [
      [RANGE, { ...key('s', 't'), sort_target: 3, sort_order: 2 }],
      [RANGE, { ...key('s'), sort_order: 'UP' }],
    ],
  },
  {
    name: 'filters by revision',
    requests: [
      ...['fa', 'fb', 'fc', 'fa'].map((name) => [PUT, put(name)] as const),
      ...['min_mod_revision', 'max_mod_revision', 'min_create_revision', 'max_create_revision'].flatMap((filter) =>
        [1, 3, 4].flatMap((offset) =>
          [0, 1].map(
            (limit) => [RANGE, (revision: number) => ({ ...key('f', 'g'), [filter]: revision + offset, limit })] as const,
          ),
        ),
      ),
    ],
  },
  {
    name: 'older and future revisions',
    requests: [
      [PUT, put('h', '1')],
      [PUT, put('h', '2')],
      [DELETE, key('h')],
      [PUT, put('h', '3')],
      ...[0, 1, 2, 3, 4, 5, 100].map(
        (offset) => [RANGE, (revision: number) => ({ ...key('h'), revision: revision + offset })] as const,
      ),
      [RANGE, (revision: number) => ({ ...key('h', 'i'), revision: revision + 2, sort_order: 'DESCEND' })],
      [RANGE, { ...key('h'), revision: -5 }],
    ],
  },
  {
    name: 'put options',
    requests: [
      [PUT, put('o', '', { ignore_value: true })],
      [PUT, put('o', '', { ignore_lease: true })],
      [PUT, put('o')],
      [PUT, put('o', '', { ignore_value: true, prev_kv: true })],
      [PUT, put('o', 'x', { ignore_value: true })],
      [PUT, put('o', 'x', { ignore_lease: true })],
      [PUT, put('o', 'x', { ignore_lease: true, lease: 5 })],
      [PUT, put('o', 'x', { lease: 555 })],
      [PUT, put('missing', '', { lease: 555, ignore_value: true })],
      [RANGE, key('o')],
    ],
  },
  {
    name: 'delete one, several, none',
    requests: [
      ...['da', 'db', 'dc', 'dd'].map((name) => [PUT, put(name)] as const),
      [DELETE, key('nothing')],
      [DELETE, { ...key('da'), prev_kv: true }],
      [DELETE, { ...key('d', 'dd'), prev_kv: true }],
      [DELETE, key('dz', 'da')],
      [DELETE, key('d', 'e')],
      [RANGE, key('d', 'e')],
    ],
  },
  {
    name: 'transaction: both branches, nested, each seeing what came before',
    requests: [
      [TXN, {}],
      [TXN, { compare: [{ ...key('t'), target: 'VERSION', version: '0' }], success: [putOp('t')], failure: [rangeOp('t')] }],
      [TXN, { compare: [{ ...key('t'), target: 'VERSION', version: '0' }], success: [putOp('t')], failure: [rangeOp('t')] }],
      [
        TXN,
        {
          success: [
            rangeOp('t'),
            putOp('t', 'x', { prev_kv: true }),
            rangeOp('t'),
            txnOp(rangeOp('t'), putOp('u')),
            deleteOp('w'),
            rangeOp('t', 'z'),
          ],
        },
      ],
      [TXN, { success: [deleteOp('t', 'tz', { prev_kv: true }), rangeOp('t'), deleteOp('t'), txnOp()] }],
      [TXN, { success: [rangeOp('u'), deleteOp('nothing')] }],
      [TXN, { success: [{ requestPut: put('t') }, { requestRange: key('t') }] }],
    ],
  },
  {
    name: 'transaction: nested comparisons see the state before it',
    requests: [
      [
        TXN,
        {
          success: [
            putOp('nc'),
            {
              request_txn: {
                compare: [{ ...key('nc'), target: 'VERSION', version: 0 }],
                success: [rangeOp('nc')],
                failure: [putOp('never')],
              },
            },
          ],
        },
      ],
    ],
  },
  {
    name: 'transaction: keys that are written twice',
    requests: succeeding(
      [putOp('x'), putOp('x')],
      [putOp('x'), deleteOp('x')],
      [deleteOp('a', 'z'), putOp('x')],
      [deleteOp('x'), deleteOp('a', 'z')],
      [putOp('x'), txnOp(putOp('x'))],
      [txnOp(putOp('x')), txnOp(putOp('x'))],
      [txnOp(deleteOp('a', 'z')), txnOp(putOp('x'))],
      [txnOp(putOp('x')), deleteOp('a', 'z')],
      [{ request_txn: { success: [putOp('x')], failure: [putOp('x'), deleteOp('y')] } }],
      [{ request_txn: { success: [putOp('x')], failure: [deleteOp('x')] } }],
    ),
  },
  {
    name: 'transaction: nothing is written if anything is wrong',
    requests: [
      ...succeeding(
        [putOp('w'), putOp('new', '', { ignore_value: true })],
        [putOp('w'), putOp('new', 'v', { ignore_lease: true })],
        [putOp('w'), putOp('new', 'v', { lease: 99 })],
        [putOp('w'), rangeOp('w', undefined, { revision: 1000 })],
        [putOp('w'), putOp('w2', 'v', { ignore_value: true })],
        [putOp('w'), putOp('w2', 'v', { ignore_lease: true, lease: 4 })],
        [putOp('w'), {}],
        [putOp('w'), { request_range: {} }],
        [putOp('w'), { request_put: {} }],
        [putOp('w'), { request_delete_range: {} }],
        [putOp('w'), { request_txn: { compare: [{}] } }],
      ),
      [RANGE, key('w')],
    ],
  },
  {
    name: 'transaction: what is wrong in the branch that does not run',
    requests: [
      [TXN, { failure: [putOp('w', 'v', { lease: 99 }), rangeOp('w', undefined, { revision: 1000 })] }],
      [TXN, { failure: [{}] }],
      [TXN, { failure: [putOp('w'), putOp('w')] }],
    ],
  },
  {
    name: 'transaction: too many operations',
    requests: [127, 128, 129].flatMap((count) => {
      const many = Array.from({ length: count }, (_, n) => rangeOp(`k${n}`));
      const same = Array.from({ length: count }, () => key('k'));
      return [
        [TXN, { success: many }],
        [TXN, { compare: same }],
        [TXN, { success: [{ request_txn: { failure: many } }] }],
      ] as const;
    }),
  },
  {
    name: 'comparisons of a key',
    requests: [
      [PUT, put('c', 'm')],
      [PUT, put('c', 'm')],
      ...['EQUAL', 'NOT_EQUAL', 'GREATER', 'LESS'].flatMap((result) =>
        compares(
          ...[1, 2, 3].map((version) => ({ ...key('c'), result, target: 'VERSION', version })),
          ...['l', 'm', 'n', ''].map((value) => ({ ...key('c'), result, target: 'VALUE', value: b64(value) })),
          { ...key('c'), result, target: 'LEASE', lease: 0 },
          { ...key('c'), result, target: 'LEASE', lease: '-1' },
          { ...key('c'), result, target: 'CREATE', create_revision: 1 },
          { ...key('c'), result, target: 'MOD', mod_revision: 1_000_000 },
          { ...key('c'), result, target: 'MOD' },
        ),
      ),
      ...compares(
        { ...key('c'), result: 9 },
        { ...key('c'), target: 9 },
        { ...key('c'), result: 'SAME' },
        { ...key('c'), target: 'MOD', version: 3 },
      ),
    ],
  },
  {
    name: 'comparisons of a missing key, and of ranges',
    requests: [
      ...['ca', 'cb', 'cb'].map((name) => [PUT, put(name)] as const),
      ...['EQUAL', 'NOT_EQUAL', 'GREATER', 'LESS'].flatMap((result) =>
        ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'].flatMap((target) =>
          compares(
            { ...key('gone'), result, target },
            { ...key('gone', 'gonf'), result, target },
            {
              ...key('ca', 'cz'),
              result,
              target,
              ...(target === 'VERSION' && { version: 1 }),
              ...(target === 'VALUE' && { value: b64('v') }),
            },
          ),
        ),
      ),
      ...compares(
        {},
        { ...key('cb', 'ca'), target: 'VERSION', version: 0 },
        { ...key('\u0000', '\u0000'), target: 'CREATE', result: 'GREATER' },
      ),
    ],
  },
  {
    name: 'leases: granted, attached, listed, revoked',
    requests: [
      [GRANT, { TTL: 1000, ID: 71 }],
      [GRANT, { TTL: 1000, ID: 71 }],
      [GRANT, { TTL: 2000, ID: '-72' }],
      [GRANT, { TTL: 3000, ID: '7587869134869463301' }],
      [PUT, put('le/b', 'v', { lease: 71 })],
      [PUT, put('le/a', 'v', { lease: '71' })],
      [PUT, put('le/c', 'v', { lease: '7587869134869463301' })],
      [RANGE, key('le', 'lf')],
      [TTL, { ID: 71, keys: true }],
      [TTL, { ID: 71 }],
      [TTL, { ID: '7587869134869463301', keys: true }],
      [TTL, { ID: 404 }],
      ['/v3/lease/leases', {}],
      ['/v3/kv/lease/leases', ''],
      [PUT, put('le/a', 'w')],
      [PUT, put('le/b', 'w', { ignore_lease: true })],
      ['/v3/kv/lease/timetolive', { ID: 71, keys: true }],
      [TXN, { compare: [{ ...key('le/b'), target: 'LEASE', lease: 71 }], success: [rangeOp('le', 'lf')] }],
      [REVOKE, { ID: 71 }],
      [REVOKE, { ID: 71 }],
      ['/v3/kv/lease/revoke', { ID: -72 }],
      [RANGE, key('le', 'lf')],
      [REVOKE, { ID: '7587869134869463301' }],
      [RANGE, key('le', 'lf')],
      ['/v3/lease/leases', {}],
    ],
  },
  {
    name: 'leases: shortest and longest, an id of the server',
    requests: [
      [GRANT, { TTL: 9_000_000_001, ID: 81 }],
      [GRANT, { TTL: 9_000_000_000, ID: 82 }],
      [REVOKE, { ID: 82 }],
      [REVOKE, {}],
      [GRANT, { TTL: 1, ID: 83 }],
      [REVOKE, { ID: 83 }],
      [GRANT, { TTL: -1, ID: 84 }],
      [REVOKE, { ID: 84 }],
    ],
  },
  {
    name: 'compaction',
    requests: [
      [PUT, put('p', '1')],
      [PUT, put('p', '2')],
      [DELETE, key('p')],
      [PUT, put('p', '4')],
      [COMPACT, (revision: number) => ({ revision: revision + 100 })],
      [COMPACT, (revision: number) => ({ revision: revision + 2 })],
      [COMPACT, (revision: number) => ({ revision: revision + 2, physical: true })],
      [COMPACT, {}],
      [COMPACT, { revision: -1 }],
      ...[1, 2, 3, 4].map((offset) => [RANGE, (revision: number) => ({ ...key('p'), revision: revision + offset })] as const),
      [TXN, (revision: number) => ({ success: [putOp('q'), rangeOp('p', undefined, { revision: revision + 1 })] })],
      [TXN, { success: [rangeOp('p', undefined, { revision: -1 })] }],
      [RANGE, key('q')],
    ],
  },
  {
    name: 'values of the wrong type',
    requests: [
      [PUT, put('a', 'v', { prev_kv: 'true' })],
      [PUT, put('a', 'v', { lease: 1.5 })],
      [PUT, { key: 1 }],
      [PUT, []],
      [PUT, { key: '!!' }],
      [PUT, { key: 'YQ' }],
      [PUT, { key: '_-8=' }],
      [TXN, { compare: [{ ...key('c'), target: '9' }] }],
    ],
  },
  {
    name: 'values that only another decoder words the same way',
    looseWords: true,
    requests: [
      [PUT, 'not json'],
      [PUT, '{"key":'],
      [PUT, put('a', 'v', { lease: 'x' })],
      [PUT, put('a', 'v', { lease: '9223372036854775808' })],
      [TXN, { success: {} }],
      [TXN, { success: [1] }],
      [RANGE, { ...key('a'), sort_order: true }],
    ],
  },
  {
    name: 'a request that is too large',
    requests: [
      [PUT, put('big', 'x'.repeat(1_600_000))],
      [RANGE, key('big')],
    ],
  },
];
