import type { IncomingMessage } from 'node:http';
import { CliError } from '../errors.ts';
import type { HttpClient, HttpRequest } from '../http/client.ts';
import type { KindInfo } from './kinds.ts';

/** An object as it comes over the wire; only what all kinds have is typed. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
  };
  [field: string]: unknown;
}

export interface KubeList<T = KubeObject> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: T[];
}

/** What is asked for below a kind: all, one namespace's, one object, or a part of it. */
export interface Target {
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** One cluster's Kubernetes API, as /clusters/<id> serves it. */
export class KubeClient {
  readonly clusterId: string;
  readonly #http: HttpClient;

  constructor(http: HttpClient, clusterId: string) {
    this.#http = http;
    this.clusterId = clusterId;
  }

  json<T>(request: HttpRequest): Promise<T> {
    return this.#http.json<T>(this.#below(request));
  }

  send(request: HttpRequest): Promise<IncomingMessage> {
    return this.#http.send(this.#below(request));
  }

  get<T = KubeObject>(kind: KindInfo, target: Target): Promise<T> {
    return this.json<T>({ path: kindPath(kind, target) });
  }

  /** Undefined if there is none. */
  async find<T = KubeObject>(kind: KindInfo, target: Target): Promise<T | undefined> {
    try {
      return await this.get<T>(kind, target);
    } catch (error) {
      if (error instanceof CliError && error.status === 404) return undefined;
      throw error;
    }
  }

  list<T = KubeObject>(kind: KindInfo, namespace: string | undefined, query: HttpRequest['query'] = {}): Promise<KubeList<T>> {
    return this.json<KubeList<T>>({ path: kindPath(kind, { namespace }), query });
  }

  #below(request: HttpRequest): HttpRequest {
    return { ...request, path: `/clusters/${encodeURIComponent(this.clusterId)}${request.path}` };
  }
}

export function kindPath(kind: KindInfo, { namespace, name, subresource }: Target): string {
  const parts = [
    kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`,
    ...(kind.namespaced && namespace ? ['namespaces', encodeURIComponent(namespace)] : []),
    kind.plural,
    ...(name ? [encodeURIComponent(name)] : []),
    ...(subresource ? [subresource] : []),
  ];
  return parts.join('/');
}
