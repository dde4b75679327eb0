import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** Flat records only: what has structure is a string of JSON. */
export type Scalar = string | number | boolean;
export type Row = Readonly<Record<string, Scalar | undefined>>;
export type Item = Record<string, AttributeValue>;

export function toAttribute(value: Scalar): AttributeValue {
  if (typeof value === 'string') return { S: value };
  return typeof value === 'number' ? { N: String(value) } : { BOOL: value };
}

export function toItem(row: Row): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(row)) if (value !== undefined) item[name] = toAttribute(value);
  return item;
}

/** The caller says which record it is: only this module's writers write, so that the shape is known. */
export function fromItem<T>(item: Item): T {
  const row: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(item)) {
    if (value.S !== undefined) row[name] = value.S;
    else if (value.N !== undefined) row[name] = Number(value.N);
    else if (value.BOOL !== undefined) row[name] = value.BOOL;
  }
  return row as T;
}
