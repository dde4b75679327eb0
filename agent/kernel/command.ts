import { spawn } from 'node:child_process';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Debian's package of each tool that the network needs. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  'iptables-restore': 'iptables',
  wg: 'wireguard-tools',
};

/** A tool is not on this host. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
  readonly fix: string;

  constructor(tool: string) {
    super(`${tool} is not on this host`);
    this.fix = `install ${PACKAGES[tool] ?? tool}`;
  }
}

const TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;
/** Where administrators' tools are: not in everybody's PATH. */
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin';

/** Runs a program to its end, or until it has run too long. Throws ToolMissing; that it failed is in the answer. */
export function runCommand(command: string, args: readonly string[], input = '', timeoutMs = TIMEOUT_MS): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      timeout: timeoutMs,
      env: { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:${SBIN}` },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    const keep = (list: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_BYTES_MAX) child.kill('SIGKILL');
      else list.push(chunk);
    };
    child.stdout.on('data', keep(out));
    child.stderr.on('data', keep(err));
    child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? new ToolMissing(command) : error));
    child.once('close', (code, signal) => {
      const stderr = Buffer.concat(err).toString();
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(out).toString(),
        stderr: signal ? `${stderr}${command} was ended by ${signal}\n` : stderr,
      });
    });
    // It may end before it has read all of it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
