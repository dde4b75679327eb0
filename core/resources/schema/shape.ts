import * as z from 'zod';

/**
 * A schema as the walkers see it (unknown-field check, strategic merge, OpenAPI): zod's wrappers peeled off, merge keys beside
 * the lists they belong to. Computed once per schema.
 */
export type Shape =
  | {
      readonly type: 'object';
      readonly fields: ReadonlyMap<string, Field>;
      /** Fields that aren't listed are kept. */
      readonly open: boolean;
    }
  | { readonly type: 'map'; readonly value: Field }
  | { readonly type: 'list'; readonly element: Field }
  | {
      readonly type: 'leaf';
      readonly leaf: 'string' | 'integer' | 'number' | 'boolean' | 'int-or-string' | 'any';
      readonly values?: readonly string[];
    };

export interface Field {
  readonly shape: Shape;
  readonly required: boolean;
  readonly description: string | undefined;
  /** Lists of objects: elements with the same value of this field are one. */
  readonly patchMergeKey: string | undefined;
  /** Lists of primitives: a patch adds to the list. */
  readonly merge: boolean;
  /** `$retainKeys` is honoured: used where fields exclude each other. */
  readonly retainKeys: boolean;
}

interface FieldMeta {
  description?: string;
  patchMergeKey?: string;
  /** Comma-separated: merge, retainKeys. As in Kubernetes' OpenAPI. */
  patchStrategy?: string;
}

const computed = new WeakMap<z.core.$ZodType, Field>();

export function fieldOf(schema: z.core.$ZodType): Field {
  let field = computed.get(schema);
  if (!field) {
    field = describe(schema);
    computed.set(schema, field);
  }
  return field;
}

function describe(schema: z.core.$ZodType): Field {
  const meta: FieldMeta = { ...z.globalRegistry.get(schema) };
  let inner = schema;
  let required = true;
  while (inner instanceof z.ZodOptional) {
    required = false;
    inner = inner.def.innerType;
    const innerMeta: FieldMeta = z.globalRegistry.get(inner) ?? {};
    meta.description ??= innerMeta.description;
    meta.patchMergeKey ??= innerMeta.patchMergeKey;
    meta.patchStrategy ??= innerMeta.patchStrategy;
  }
  const strategies = meta.patchStrategy?.split(',') ?? [];
  return {
    shape: shapeOf(inner),
    required,
    description: meta.description,
    patchMergeKey: meta.patchMergeKey,
    merge: meta.patchMergeKey !== undefined || strategies.includes('merge'),
    retainKeys: strategies.includes('retainKeys'),
  };
}

function shapeOf(schema: z.core.$ZodType): Shape {
  if (schema instanceof z.ZodObject) {
    const fields = new Map(Object.entries<z.core.$ZodType>(schema.shape).map(([name, value]) => [name, fieldOf(value)]));
    return { type: 'object', fields, open: schema.def.catchall instanceof z.ZodUnknown };
  }
  if (schema instanceof z.ZodRecord) return { type: 'map', value: fieldOf(schema.valueType) };
  if (schema instanceof z.ZodArray) return { type: 'list', element: fieldOf(schema.element) };
  if (schema instanceof z.ZodEnum) return { type: 'leaf', leaf: 'string', values: schema.options.map(String) };
  if (schema instanceof z.ZodLiteral) return { type: 'leaf', leaf: 'string', values: [...schema.values].map(String) };
  if (schema instanceof z.ZodBoolean) return { type: 'leaf', leaf: 'boolean' };
  if (schema instanceof z.ZodNumber) return { type: 'leaf', leaf: schema.format === 'safeint' ? 'integer' : 'number' };
  if (schema instanceof z.ZodString) return { type: 'leaf', leaf: 'string' };
  if (schema instanceof z.ZodUnion) return { type: 'leaf', leaf: 'int-or-string' };
  return { type: 'leaf', leaf: 'any' };
}
