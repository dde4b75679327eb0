import { type EndpointSlice, SERVICE_NAME_LABEL } from '../../resources/schema/endpoint-slice.ts';
import type { Service } from '../../resources/schema/service.ts';
import type { ClusterState } from '../types.ts';

/** A state's list of slices is one array for as long as none changes. */
const indexed = new WeakMap<readonly EndpointSlice[], ReadonlyMap<string, readonly EndpointSlice[]>>();
const NONE: readonly EndpointSlice[] = [];

/** Every slice that says it belongs to the Service, whoever made it, by name. */
export function slicesOf(state: Pick<ClusterState, 'list'>, { metadata }: Service): readonly EndpointSlice[] {
  const slices = state.list('EndpointSlice');
  let byService = indexed.get(slices);
  if (!byService) indexed.set(slices, (byService = index(slices)));
  return byService.get(`${metadata.namespace}/${metadata.name}`) ?? NONE;
}

function index(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const byService = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.[SERVICE_NAME_LABEL];
    if (service === undefined) continue;
    const key = `${slice.metadata.namespace}/${service}`;
    const list = byService.get(key);
    if (list) list.push(slice);
    else byService.set(key, [slice]);
  }
  return byService;
}
