import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';

/**
 * The cgroup of one command on the host: whatever the command starts is in it, wherever it goes (setsid, nohup, daemon), and ends with it. systemd does the
 * ending, so that it is done though the agent goes meanwhile.
 */
export interface ExecScope {
  /**
   * The command's words, so that it runs in the scope; under none of the agent's own limits. All of it ends after `msMax`, and the grace, even if
   * nobody is there any more who would end it.
   */
  words(command: readonly string[], msMax: number): string[];
  /** TERM to every process in it, KILL to what is left after the grace. Nothing, if nothing of it is left. */
  end(): void;
}

export interface ExecScopesOptions {
  /** `<cluster>/<host id>`: two agents may share a machine. */
  readonly owner: string;
  /** Between TERM and KILL, ms. */
  readonly graceMs: number;
  /** What comes before a command, in tests: how it gets to the host. */
  readonly prefix?: readonly string[];
}

/** What the names of an agent's scopes begin with. */
export function scopeFamily(owner: string): string {
  return `terrane-exec-${createHash('sha256').update(owner).digest('hex').slice(0, 8)}-`;
}

/** New scopes, once what an agent before this one has left behind is being ended: nobody reads its output any more. */
export function execScopes({ owner, graceMs, prefix = [] }: ExecScopesOptions): () => Promise<ExecScope> {
  const family = scopeFamily(owner);
  const stop = (pattern: string) =>
    new Promise<void>((resolve) => {
      const [program, ...rest] = [...prefix, 'systemctl', 'stop', '--no-block', '--', pattern];
      // A scope that is not there any more is what is wanted.
      spawn(program, rest, { cwd: '/', stdio: 'ignore' })
        .once('error', () => resolve())
        .once('exit', () => resolve());
    });
  const cleared = stop(`${family}*.scope`);
  const limited = scopesHaveLimits(prefix);
  return async () => {
    await cleared;
    const hasLimit = await limited;
    const name = `${family}${randomBytes(8).toString('hex')}.scope`;
    return {
      words: (command, msMax) => [
        'systemd-run',
        '--scope',
        '--quiet',
        '--collect',
        `--unit=${name}`,
        // Else its words, which may have a password among them, are in the host's journal.
        '--description=A command of terrane unit exec',
        `--property=TimeoutStopSec=${graceMs}ms`,
        // Not before this agent would have ended it: then it says why.
        ...(hasLimit ? [`--property=RuntimeMaxSec=${msMax + graceMs}ms`] : []),
        '--',
        ...command,
      ],
      end: () => void stop(name),
    };
  };
}

/** The first systemd that ends a scope after a while; RHEL 8 has 239. */
const VERSION_WITH_LIMITS = 244;

function scopesHaveLimits(prefix: readonly string[]): Promise<boolean> {
  const [program, ...rest] = [...prefix, 'systemctl', '--version'];
  return new Promise((resolve) => {
    // "systemd 252 (252.39-1~deb12u1)"
    execFile(program, rest, { cwd: '/' }, (_, out) => resolve(Number(/^systemd (\d+)/.exec(out)?.[1]) >= VERSION_WITH_LIMITS));
  });
}
