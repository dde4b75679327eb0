import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, LifecycleHandler, Probe } from '../../core/resources/schema/pod.ts';
import type { Engine } from '../docker/engine.ts';
import { messageOf } from '../docker/errors.ts';

/** One exec, httpGet or tcpSocket against a container: what probes and hooks have in common. */
export interface ActionTarget {
  readonly id: string;
  /** Address of the pod; '' = none. */
  readonly ip: string;
  readonly ports: NonNullable<Container['ports']>;
}

export interface ActionResult {
  readonly ok: boolean;
  /** What a person should know when it isn't. */
  readonly message: string;
}

type Action = Pick<Probe | LifecycleHandler, 'exec' | 'httpGet' | 'tcpSocket'>;

const SHOWN_OUTPUT = 300;

/** Never throws: whatever goes wrong is a failed result. */
export async function runAction(engine: Engine, action: Action, target: ActionTarget, timeoutMs: number): Promise<ActionResult> {
  try {
    if (action.exec) return await runExec(engine, action.exec.command, target, timeoutMs);
    if (action.httpGet) return await runHttp(action.httpGet, target, timeoutMs);
    if (action.tcpSocket) return await runTcp(action.tcpSocket, target, timeoutMs);
    return { ok: true, message: '' };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

async function runExec(
  engine: Engine,
  command: readonly string[],
  target: ActionTarget,
  timeoutMs: number,
): Promise<ActionResult> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { exitCode, output } = await engine.exec(target.id, command, timeout);
    const shown = output.trim().slice(0, SHOWN_OUTPUT);
    return { ok: exitCode === 0, message: shown || `command ${JSON.stringify(command)} exited with ${exitCode}` };
  } catch (error) {
    if (!timeout.aborted) throw error;
    return { ok: false, message: `command ${JSON.stringify(command)} timed out after ${timeoutMs / 1000}s` };
  }
}

function runHttp(get: NonNullable<Probe['httpGet']>, target: ActionTarget, timeoutMs: number): Promise<ActionResult> {
  const port = portOf(get.port, target.ports);
  const secure = get.scheme === 'HTTPS';
  const host = get.host ?? target.ip;
  const path = (get.path ?? '/').startsWith('/') ? (get.path ?? '/') : `/${get.path}`;
  const headers: Record<string, string> = { 'user-agent': 'terrane-probe/1', accept: '*/*', connection: 'close' };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return new Promise((resolve) => {
    const send = secure ? httpsRequest : httpRequest;
    // Certificates of probes aren't checked, as in Kubernetes: they are mostly for other names than the pod's address.
    const sent = send(
      { host, port, path, headers, agent: false, ...(secure ? { rejectUnauthorized: false } : {}) },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        finish({ ok: status >= 200 && status < 400, message: `HTTP probe failed with statuscode: ${status}` });
      },
    );
    const timer = setTimeout(() => {
      finish({
        ok: false,
        message: `Get "${secure ? 'https' : 'http'}://${host}:${port}${path}": no answer within ${timeoutMs / 1000}s`,
      });
      sent.destroy();
    }, timeoutMs);
    const finish = (result: ActionResult) => {
      clearTimeout(timer);
      resolve(result);
    };
    sent.on('error', (error) =>
      finish({ ok: false, message: `Get "${secure ? 'https' : 'http'}://${host}:${port}${path}": ${error.message}` }),
    );
    sent.end();
  });
}

function runTcp(tcp: NonNullable<Probe['tcpSocket']>, target: ActionTarget, timeoutMs: number): Promise<ActionResult> {
  const port = portOf(tcp.port, target.ports);
  const host = tcp.host ?? target.ip;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: ActionResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () => finish({ ok: false, message: `dial tcp ${host}:${port}: no answer within ${timeoutMs / 1000}s` }),
      timeoutMs,
    );
    socket.on('connect', () => finish({ ok: true, message: '' }));
    socket.on('error', (error) => finish({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` }));
  });
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, ports: ActionTarget['ports']): number {
  const named = ports.find(({ name }) => name === port);
  const number = named ? named.containerPort : Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`couldn't find port: ${port}`);
  return number;
}
