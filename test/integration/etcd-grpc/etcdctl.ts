import { type ChildProcess, spawn } from 'node:child_process';

/** A limit on hanging. etcdctl's own of 5 s a command, and 2 s to connect, are too short where others keep the machine busy. */
const DEADLINE_MS = 60_000;

export interface Input {
  readonly stdin?: string;
  /** Standard input stays open, for `write`. */
  readonly interactive?: boolean;
  /** What goes into the transcript in place of the output: where only the exit code can be the same. */
  readonly hide?: 'output';
}

/** Debian's etcdctl against one endpoint. What it was told and what it said is written down, to be held against another endpoint. */
export class Etcdctl {
  #entries: { text: string }[] = [];
  readonly endpoint: string;
  readonly directory: string;
  readonly #running = new Set<ChildProcess>();

  /** `directory`: where files of the commands are kept. */
  constructor(endpoint: string, directory: string) {
    this.endpoint = endpoint;
    this.directory = directory;
  }

  /** Runs a command to its end. Arguments are divided by blanks; `''` is an empty one, and `~` stands for a blank. Returns its output. */
  async run(command: string, input: Input = {}): Promise<string> {
    const running = this.start(command, input);
    await running.ended;
    return running.stdout;
  }

  /** The same, and nobody writes it down: how often one has to look isn't to be the same. */
  async quietly(command: string): Promise<string> {
    const before = this.#entries;
    this.#entries = [];
    const running = this.start(command);
    this.#entries = before;
    await running.ended;
    return running.stdout;
  }

  /** Starts a command that goes on until it is told to stop. */
  start(command: string, { stdin = '', hide, interactive = false }: Input = {}): Running {
    const entry = { text: '' };
    this.#entries.push(entry);
    const child = spawn('etcdctl', command.split(' ').map(argument), {
      stdio: 'pipe',
      cwd: this.directory,
      env: {
        PATH: process.env.PATH,
        HOME: this.directory,
        ETCDCTL_API: '3',
        ETCDCTL_ENDPOINTS: this.endpoint,
        ETCDCTL_COMMAND_TIMEOUT: `${DEADLINE_MS}ms`,
        ETCDCTL_DIAL_TIMEOUT: `${DEADLINE_MS}ms`,
      },
    });
    this.#running.add(child);
    if (!interactive) child.stdin.end(stdin);
    return new Running(child, (code, stdout, stderr) => {
      this.#running.delete(child);
      const said = hide ? ['(output hidden)'] : [`out: ${stdout}`, `err: ${stderr}`];
      entry.text = [`$ etcdctl ${command}`, ...said, `exit: ${code}`].join('\n');
    });
  }

  get transcript(): readonly string[] {
    return this.#entries.map(({ text }) => text);
  }

  /** Ends what is still running. */
  stop(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }
}

function argument(text: string): string {
  return text === "''" ? '' : text.replaceAll('~', ' ');
}

export class Running {
  stdout = '';
  stderr = '';
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #wake = () => {};
  #over = false;

  constructor(child: ChildProcess, onEnd: (code: string, stdout: string, stderr: string) => void) {
    this.#child = child;
    const timer = setTimeout(() => {
      this.stderr += `\n(killed: it did not end in ${DEADLINE_MS} ms)`;
      child.kill('SIGKILL');
    }, DEADLINE_MS);
    child.stdin!.on('error', () => undefined);
    child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString('latin1');
      this.#wake();
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('latin1');
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        this.#over = true;
        onEnd(String(code ?? signal), this.stdout, this.stderr);
        this.#wake();
        resolve();
      });
    });
  }

  /** Resolves when that many lines were printed, or it has ended. */
  async lines(count: number): Promise<void> {
    while (this.stdout.split('\n').length <= count && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  write(text: string, end?: 'and no more'): void {
    this.#child.stdin!.write(text);
    if (end) this.#child.stdin!.end();
  }

  async interrupt(): Promise<void> {
    this.#child.kill('SIGINT');
    await this.ended;
  }
}

type Rule = readonly [pattern: RegExp, replacement: string, why: string];

/** Everything that may differ between two servers, and why. What isn't listed has to be the same byte for byte. */
const RULES: readonly Rule[] = [
  [/127\.0\.0\.1:\d+/g, 'ENDPOINT', 'each server has a port of its own'],
  [/http:\/\/localhost:2379|http:\/\/ENDPOINT|http:\/\/localhost:2380/g, 'URL', 'and so it advertises URLs of its own'],
  [
    /"(cluster_id|member_id|ID|id|lease|leader|memberID)":\d+/g,
    '"$1":0',
    'ids of clusters, members and leases are chosen by the server',
  ],
  [/"(ClusterID|MemberID|ID|Lease|Leader)" : \d+/g, '"$1" : 0', 'the same with -w fields'],
  [/"(raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse)":\d+/g, '"$1":0', 'there is no raft, and another store'],
  [/"(RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse)" : \d+/g, '"$1" : 0', 'the same with -w fields'],
  [/\b[0-9a-f]{14,16}\b/g, 'HEX', 'the same in hexadecimal'],
  [/took = [\d.]+(?:m|Âµ)?s/g, 'took = TIME', 'durations'],
  [/"took":"[^"]*"/g, '"took":"TIME"', 'durations'],
  [/remaining\((\d+)s\)/g, 'remaining(Ns)', 'seconds may have passed'],
  [/"ttl":49\d/g, '"ttl":N', 'the same with -w json'],
  [/"ts":("[^"]*"|[\d.]+)/g, '"ts":"TIME"', 'the time of a log line'],
  [/"target":"[^"]*"/g, '"target":"TARGET"', 'holds a random id'],
  [/"hash":\d+|^out: ENDPOINT, \d+$/gm, 'HASH', 'of another store'],
  [/3\.4\.\d+/g, '3.4.x', 'the release'],
];

export function normalise(text: string): string {
  return RULES.reduce((before, [pattern, replacement]) => before.replaceAll(pattern, replacement), text);
}
