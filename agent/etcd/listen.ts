/** Where etcd's clients connect: `host:port`, `[address]:port`, or `unix:PATH`. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export const DEFAULT_LISTEN = '127.0.0.1:2379';

/** Undefined: it is no such address. */
export function parseListen(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\//, '');
    return path.startsWith('/') ? { path } : undefined;
  }
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host !== undefined && port <= 65_535 ? { host, port } : undefined;
}

export function showListen(listen: ListenAddress): string {
  if ('path' in listen) return `unix:${listen.path}`;
  return listen.host.includes(':') ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}
