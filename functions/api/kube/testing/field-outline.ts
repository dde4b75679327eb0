import { apiVersionOf, type KindDefinition, kinds } from '../../../../core/resources/kinds/index.ts';
import { type Field, fieldOf } from '../../../../core/resources/schema/shape.ts';

/** The section "Fields" of docs/kubernetes-api.md, made from the schemas. A test keeps the two equal. */
export function fieldOutline(): string {
  const templates = new Map<string, string>();
  return kinds.map((definition) => kindOutline(definition, templates)).join('\n');
}

/** `seen`: outlines already written, by what they say, so that a pod's fields aren't repeated for every template. */
function kindOutline(definition: KindDefinition, seen: Map<string, string>): string {
  const root = fieldOf(definition.schema);
  const lines: string[] = [];
  if (root.shape.type === 'object') {
    for (const [name, field] of root.shape.fields) {
      if (['apiVersion', 'kind', 'metadata', 'status'].includes(name)) continue;
      if (fieldsOf(field)) lines.push(...objectLines(name, field, definition.kind, seen));
      else lines.push(`- \`${name}${suffix(field)}\``);
    }
  }
  return `### ${definition.kind} (${apiVersionOf(definition)})\n\n${lines.join('\n')}\n`;
}

function objectLines(path: string, field: Field, kind: string, seen: Map<string, string>): string[] {
  const fields = fieldsOf(field)!;
  const own = [...fields].map(([name, child]) => `${name}${suffix(child)}`).join(', ');
  const at = `${path}${suffix(field)}`;
  const earlier = seen.get(own);
  if (earlier !== undefined && fields.size > 2) return [`- \`${at}\`: as \`${earlier}\``];
  seen.set(own, `${kind}.${at}`);
  const children = [...fields].filter(([name, child]) => fieldsOf(child) && name !== 'metadata');
  return [`- \`${at}\`: ${own}`, ...children.flatMap(([name, child]) => objectLines(`${at}.${name}`, child, kind, seen))];
}

function fieldsOf({ shape }: Field): ReadonlyMap<string, Field> | undefined {
  const inner = shape.type === 'list' ? shape.element.shape : shape;
  return inner.type === 'object' ? inner.fields : undefined;
}

function suffix({ shape }: Field): string {
  return shape.type === 'list' ? '[]' : shape.type === 'map' ? '{}' : '';
}
