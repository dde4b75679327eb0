import type { EndpointSlice, SliceEndpoint, SlicePort } from '../../resources/schema/endpoint-slice.ts';

/** Endpoints in one slice, as Kubernetes' controller makes them: a change of one pod writes so many at most. */
export const ENDPOINTS_PER_SLICE = 100;

export interface WantedEndpoints {
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface Packing {
  /** Slices that stay, with what is in them from now on. */
  readonly kept: readonly { readonly slice: EndpointSlice; readonly endpoints: readonly SliceEndpoint[] }[];
  readonly made: readonly WantedEndpoints[];
  readonly dropped: readonly EndpointSlice[];
}

const sameAs = (ports: readonly SlicePort[] = []) =>
  JSON.stringify(ports.map((p) => [p.name, p.protocol, p.port, p.appProtocol]));
const identity = ({ targetRef, addresses }: SliceEndpoint) => targetRef?.uid ?? addresses[0] ?? '';

/** Spreads endpoints over slices so that as few slices as possible change: an endpoint stays where it is, new ones fill gaps. */
export function packSlices(existing: readonly EndpointSlice[], wanted: readonly WantedEndpoints[]): Packing {
  const groups = new Map(wanted.map((group) => [sameAs(group.ports), group]));
  const left = new Map(
    Array.from(groups, ([key, { endpoints }]) => [key, new Map(endpoints.map((each) => [identity(each), each]))]),
  );
  const kept: { slice: EndpointSlice; endpoints: SliceEndpoint[]; key: string }[] = [];
  const dropped: EndpointSlice[] = [];
  for (const slice of existing) {
    const key = sameAs(slice.ports);
    const waiting = left.get(key);
    if (!waiting) {
      dropped.push(slice);
      continue;
    }
    const endpoints: SliceEndpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const next = waiting.get(identity(endpoint));
      if (!next) continue;
      endpoints.push(next);
      waiting.delete(identity(endpoint));
    }
    kept.push({ slice, endpoints, key });
  }
  for (const { endpoints, key } of kept) {
    const waiting = left.get(key)!;
    for (const [id, endpoint] of waiting) {
      if (endpoints.length >= ENDPOINTS_PER_SLICE) break;
      endpoints.push(endpoint);
      waiting.delete(id);
    }
  }
  const made: WantedEndpoints[] = [];
  for (const [key, { ports }] of groups) {
    const waiting = [...left.get(key)!.values()];
    const empty = waiting.length === 0 && !kept.some((each) => each.key === key);
    if (empty) made.push({ ports, endpoints: [] });
    for (let at = 0; at < waiting.length; at += ENDPOINTS_PER_SLICE)
      made.push({ ports, endpoints: waiting.slice(at, at + ENDPOINTS_PER_SLICE) });
  }
  // One slice stays, be it empty: it shows that the Service is looked after.
  const useful = kept.filter(({ endpoints }) => endpoints.length > 0);
  const staying = useful.length > 0 || made.length > 0 ? useful : kept.slice(0, 1);
  dropped.push(...kept.filter((each) => !staying.includes(each)).map(({ slice }) => slice));
  return { kept: staying, made, dropped };
}
