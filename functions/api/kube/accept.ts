import { StatusError } from '../../../core/resources/status.ts';

/** How the client wants objects: Kubernetes' extensions of the Accept header. */
export interface Representation {
  readonly as: 'object' | 'table' | 'metadata';
  /** Of the Table or PartialObjectMetadata. */
  readonly metaVersion: 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';
  readonly yaml: boolean;
}

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The ranges of an Accept header, in the client's order (q is ignored, as Kubernetes clients don't use it). */
export function mediaRanges(accept: string | undefined): MediaRange[] {
  return (accept ?? '')
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim()))
    .filter(([type]) => type !== '')
    .map(([type, ...parameters]) => ({
      type: type!.toLowerCase(),
      parameters: Object.fromEntries(
        parameters.map((parameter) => [parameter.split('=', 1)[0]!, parameter.slice(parameter.indexOf('=') + 1)]),
      ),
    }));
}

const OBJECT: Representation = { as: 'object', metaVersion: 'meta.k8s.io/v1', yaml: false };

/** The first range that can be served. Throws NotAcceptable if there is none. */
export function negotiate(accept: string | undefined): Representation {
  const ranges = mediaRanges(accept);
  if (ranges.length === 0) return OBJECT;
  for (const range of ranges) {
    const found = representation(range);
    if (found) return found;
  }
  throw new StatusError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/json;as=Table;g=meta.k8s.io;v=v1',
  );
}

function representation({ type, parameters }: MediaRange): Representation | undefined {
  if (['application/yaml', 'text/yaml'].includes(type)) return { ...OBJECT, yaml: true };
  if (!['application/json', 'application/*', '*/*'].includes(type)) return undefined;
  const { as, g, v } = parameters;
  if (as === undefined) return OBJECT;
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  const metaVersion = `${g}/${v}` as const;
  if (as === 'Table') return { as: 'table', metaVersion, yaml: false };
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList'
    ? { as: 'metadata', metaVersion, yaml: false }
    : undefined;
}
