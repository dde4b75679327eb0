import { describe, expect, test } from '@jest/globals';
import { StatusError } from '../status.ts';
import { decodeProtobuf } from './decode.ts';

/** A tiny encoder: [field number, value]; numbers are varints, nested arrays are messages. */
type Value = number | string | Uint8Array | readonly (readonly [number, Value])[];

function encode(fields: readonly (readonly [number, Value])[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
      const bytes = typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value);
      return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
    }),
  );
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function body(apiVersion: string, kind: string, fields: readonly (readonly [number, Value])[]): Uint8Array {
  const typeMeta = [
    [1, apiVersion],
    [2, kind],
  ] as const;
  return Buffer.concat([
    Buffer.from('k8s\0'),
    encode([
      [1, typeMeta],
      [2, encode(fields)],
      [3, ''],
      [4, ''],
    ]),
  ]);
}

const metadata = [
  [1, 'web'],
  [2, ''],
  [3, 'default'],
  [8, []],
] as const;

describe('decodeProtobuf', () => {
  test('reads maps, bytes and pointers, and leaves out what is zero', () => {
    const secret = body('v1', 'Secret', [
      [1, metadata],
      [
        2,
        [
          [1, 'key'],
          [2, Uint8Array.of(0, 255)],
        ],
      ],
      [3, 'Opaque'],
      [5, 0],
    ]);
    expect(decodeProtobuf(secret)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'web', namespace: 'default' },
      data: { key: 'AP8=' },
      type: 'Opaque',
      immutable: false,
    });
  });

  test('reads a Deployment: zero replicas, quantities, int-or-string, embedded messages', () => {
    const container = [
      [1, 'c'],
      [2, 'i'],
      [
        8,
        [
          [
            1,
            [
              [1, 'cpu'],
              [2, [[1, '500m']]],
            ],
          ],
        ],
      ],
      [
        10,
        [
          [
            1,
            [
              [
                2,
                [
                  [
                    2,
                    [
                      [1, 1],
                      [2, 0],
                      [3, 'http'],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ] as const;
    const volume = [
      [1, 'v'],
      [
        2,
        [
          [
            19,
            [
              [1, [[1, 'cm']]],
              [3, 420],
            ],
          ],
        ],
      ],
    ] as const;
    const spec = [
      [1, 0],
      [
        3,
        [
          [1, []],
          [
            2,
            [
              [1, volume],
              [2, container],
              [11, 0],
            ],
          ],
        ],
      ],
      [
        4,
        [
          [
            2,
            [
              [
                1,
                [
                  [1, 0],
                  [2, 0],
                  [3, ''],
                ],
              ],
            ],
          ],
        ],
      ],
    ] as const;
    expect(
      decodeProtobuf(
        body('apps/v1', 'Deployment', [
          [1, metadata],
          [2, spec],
          [3, [[1, 0]]],
        ]),
      ),
    ).toMatchObject({
      spec: {
        replicas: 0,
        strategy: { rollingUpdate: { maxUnavailable: 0 } },
        template: {
          spec: {
            containers: [
              { name: 'c', image: 'i', resources: { limits: { cpu: '500m' } }, livenessProbe: { httpGet: { port: 'http' } } },
            ],
            volumes: [{ name: 'v', configMap: { name: 'cm', defaultMode: 420 } }],
          },
        },
      },
    });
  });

  test('shows fields that are not served, so that they are refused by name and not dropped', () => {
    const spec = [
      [
        2,
        [
          [1, 'c'],
          [2, 'i'],
        ],
      ],
      [38, [[1, []]]],
      [12, 0],
      [37, 0],
      [99, 'new'],
    ] as const;
    const pod = decodeProtobuf(
      body('v1', 'Pod', [
        [1, metadata],
        [2, spec],
      ]),
    );
    expect(Object.keys(pod!.spec as object)).toEqual([
      'containers',
      'schedulingGates',
      'hostUsers',
      '<protobuf field 99 of PodSpec>',
    ]);
  });

  test('reads times, and negative numbers', () => {
    const event = [
      [1, [[1, 'e']]],
      [6, [[1, 1704164645]]],
      [
        10,
        [
          [1, 1704164645],
          [2, 5000],
        ],
      ],
    ] as const;
    expect(decodeProtobuf(body('v1', 'Event', event))).toMatchObject({
      firstTimestamp: '2024-01-02T03:04:05Z',
      eventTime: '2024-01-02T03:04:05.000005Z',
    });
    const minusOne = Uint8Array.from([8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    expect(decodeProtobuf(body('v1', 'DeleteOptions', []))).toEqual({ apiVersion: 'v1', kind: 'DeleteOptions' });
    const raw = Buffer.concat([
      Buffer.from('k8s\0'),
      encode([
        [
          1,
          [
            [1, 'v1'],
            [2, 'DeleteOptions'],
          ],
        ],
        [2, minusOne],
      ]),
    ]);
    expect(decodeProtobuf(raw)).toMatchObject({ gracePeriodSeconds: -1 });
  });

  test('does not know other kinds', () => {
    expect(decodeProtobuf(body('batch/v1', 'Job', []))).toBeUndefined();
  });

  test.each([
    ['no magic', Buffer.from('{"kind":"Pod"}')],
    ['nothing', new Uint8Array(0)],
    ['cut short', body('v1', 'ConfigMap', [[1, metadata]]).subarray(0, 30)],
    ['a number without end', Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(20, 255)])],
    ['a number where a message belongs', body('v1', 'ConfigMap', [[1, 5]])],
  ])('refuses bytes that are no message (%s)', (_what, bytes) => {
    expect(() => decodeProtobuf(bytes)).toThrow(StatusError);
  });
});
