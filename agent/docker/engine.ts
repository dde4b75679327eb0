import type { IncomingMessage } from 'node:http';
import { type DockerConnection, filters } from './connection.ts';
import { demultiplexer, type OutputStream } from './demux.ts';
import { DockerError, DockerUnavailable } from './errors.ts';
import { jsonLines } from './json-lines.ts';
import type {
  ContainerCreate,
  ContainerDetails,
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  ImageDetails,
  NetworkCreate,
  NetworkDetails,
  ProgressLine,
} from './types.ts';

/** The calls of the Docker Engine API that the agent makes. Each throws DockerError or DockerUnavailable. */
export type Engine = ReturnType<typeof dockerEngine>;

export interface LogsQuery {
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  /** Lines from the end; undefined = all. */
  readonly tail?: number;
  /** Seconds since the epoch, with a fraction. */
  readonly since?: string;
}

export interface ExecResult {
  readonly exitCode: number;
  /** stdout and stderr as they came, cut at `outputBytesMax`. */
  readonly output: string;
}

const EXEC_OUTPUT_BYTES_MAX = 10 * 1024;

export function dockerEngine(connection: DockerConnection) {
  const post = <T = void>(path: string, options: Partial<Parameters<DockerConnection['json']>[0]> = {}) =>
    connection.json<T>({ method: 'POST', path, ...options });
  const get = <T>(path: string, options: Partial<Parameters<DockerConnection['json']>[0]> = {}) =>
    connection.json<T>({ method: 'GET', path, ...options });

  return {
    close: () => connection.close(),
    forgetVersion: () => connection.forgetVersion(),
    info: () => get<EngineInfo>('/info'),
    /** Its release, such as `28.3.2` or `20.10.24+dfsg1`. */
    version: async () => (await get<{ Version: string }>('/version')).Version,

    listContainers: (label: string) =>
      get<ContainerSummary[]>('/containers/json', { query: { all: true, filters: filters({ label: [label] }) } }),
    /** Whoever has started them. */
    runningContainers: () => get<ContainerSummary[]>('/containers/json'),
    inspectContainer: (id: string) => get<ContainerDetails>(`/containers/${id}/json`),
    createContainer: (name: string, body: ContainerCreate) =>
      post<{ Id: string; Warnings: string[] | null }>('/containers/create', { query: { name }, body }),
    startContainer: (id: string) => post(`/containers/${id}/start`),
    /** Sends the image's stop signal, and SIGKILL after `graceSeconds`. Returns when the container has stopped. */
    stopContainer: (id: string, graceSeconds: number) =>
      post(`/containers/${id}/stop`, { query: { t: Math.ceil(graceSeconds) }, timeoutMs: graceSeconds * 1000 + 120_000 }),
    killContainer: (id: string, signal = 'SIGKILL') => post(`/containers/${id}/kill`, { query: { signal } }),
    removeContainer: (id: string, force = false) =>
      connection.json<void>({ method: 'DELETE', path: `/containers/${id}`, query: { force, v: true } }),
    /** The raw answer: framed (see demux.ts) unless the container has a terminal. */
    logs: (id: string, query: LogsQuery, signal?: AbortSignal): Promise<IncomingMessage> =>
      connection.stream({
        method: 'GET',
        path: `/containers/${id}/logs`,
        query: {
          stdout: true,
          stderr: true,
          tail: query.tail ?? 'all',
          follow: query.follow,
          timestamps: query.timestamps,
          since: query.since,
        },
        ...(signal ? { signal } : {}),
      }),

    async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
      const options = signal ? { signal } : {};
      const created = await post<{ Id: string }>(`/containers/${id}/exec`, {
        body: { Cmd: command, AttachStdout: true, AttachStderr: true },
        ...options,
      });
      const stream = await connection.stream({
        method: 'POST',
        path: `/exec/${created.Id}/start`,
        body: { Detach: false, Tty: false },
        timeoutMs: 0,
        ...options,
      });
      const output = await collect(stream);
      const { ExitCode } = await get<{ ExitCode: number | null }>(`/exec/${created.Id}/json`);
      return { exitCode: ExitCode ?? -1, output };
    },

    listNetworks: (label: string) => get<NetworkDetails[]>('/networks', { query: { filters: filters({ label: [label] }) } }),
    inspectNetwork: (name: string) => get<NetworkDetails>(`/networks/${name}`),
    createNetwork: (body: NetworkCreate) => post<{ Id: string }>('/networks/create', { body }),
    removeNetwork: (id: string) => connection.json<void>({ method: 'DELETE', path: `/networks/${id}` }),

    inspectImage: (ref: string) => get<ImageDetails>(`/images/${ref}/json`),
    removeImage: (ref: string) => connection.json<unknown>({ method: 'DELETE', path: `/images/${ref}` }),
    /** Throws DockerError with the engine's reason: it arrives in mid-stream, after a 200. */
    async pullImage(repository: string, tag: string, auth: string | undefined): Promise<void> {
      const response = await connection.stream({
        method: 'POST',
        path: '/images/create',
        query: { fromImage: repository, tag },
        ...(auth === undefined ? {} : { headers: { 'x-registry-auth': auth } }),
      });
      await progress(response);
    },
    /** Makes an image of one layer from a tar archive, like `docker import`; `changes` are Dockerfile lines. */
    async importImage(ref: string, archive: Uint8Array, changes: readonly string[] = []): Promise<void> {
      const [repo, tag] = splitTag(ref);
      const query = changes.map((change) => `&changes=${encodeURIComponent(change)}`).join('');
      const path = `/images/create?fromSrc=-&repo=${encodeURIComponent(repo)}&tag=${encodeURIComponent(tag)}${query}`;
      await progress(await connection.stream({ method: 'POST', path, body: archive }));
    },

    /** Container events with this label, from `since` (seconds since the epoch) on, for as long as the engine lives. */
    async *events(label: string, since: string | undefined, signal: AbortSignal): AsyncGenerator<EngineEvent> {
      const query = { filters: filters({ type: ['container'], label: [label] }), since };
      const response = await connection.stream({ method: 'GET', path: '/events', query, signal, timeoutMs: 10_000 });
      yield* jsonLines<EngineEvent>(response);
    },

    /** When containers come and go, whoever has started them; from `since` (seconds since the epoch) on, for as long as the engine lives. */
    async *containerEvents(since: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
      const query = { filters: filters({ type: ['container'], event: ['create', 'start', 'die', 'destroy'] }), since };
      const response = await connection.stream({ method: 'GET', path: '/events', query, signal, timeoutMs: 10_000 });
      yield* jsonLines<EngineEvent>(response);
    },
  };
}

/** `registry:5000/team/app:1` -> [`registry:5000/team/app`, `1`]; without a tag `latest`; a digest stays whole. */
export function splitTag(ref: string): [repository: string, tag: string] {
  const at = ref.indexOf('@');
  if (at > 0) return [ref.slice(0, at), ref.slice(at + 1)];
  const colon = ref.lastIndexOf(':');
  return colon > ref.lastIndexOf('/') ? [ref.slice(0, colon), ref.slice(colon + 1)] : [ref, 'latest'];
}

async function progress(response: IncomingMessage): Promise<void> {
  for await (const line of jsonLines<ProgressLine>(response)) {
    const error = line.errorDetail?.message ?? line.error;
    if (error !== undefined) throw new DockerError(500, error);
  }
}

async function collect(stream: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  const feed = demultiplexer((_stream: OutputStream, bytes) => {
    if (length < EXEC_OUTPUT_BYTES_MAX) parts.push(Buffer.from(bytes.subarray(0, EXEC_OUTPUT_BYTES_MAX - length)));
    length += bytes.length;
  });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) feed(chunk);
  } catch (error) {
    throw new DockerUnavailable(
      `the engine broke off a command's output: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return Buffer.concat(parts).toString('utf8');
}
