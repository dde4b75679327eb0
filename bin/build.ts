import { parseArgs } from 'node:util';
import { buildAgentArtifacts } from './build/artifacts.ts';
import { ARCHES, type Arch } from './build/runtime.ts';
import { bundle } from './build/bundle.ts';
import { buildConsole } from './build/console.ts';

/**
 * `npm run build`: dist/terrane.mjs (command line, server and agent), dist/console (the web console) and dist/agent (what the
 * control plane serves to hosts).
 * Work whose inputs have not changed is skipped.
 */
const { values } = parseArgs({
  options: {
    /** x64, arm64 or all: whose agent archives to make. Default: this machine's. */
    arch: { type: 'string', default: process.arch },
    'no-runtime': { type: 'boolean', default: false },
  },
});

const say = (line: string) => console.error(`build: ${line}`);

function arches(wish: string): Arch[] {
  if (wish === 'all') return ARCHES;
  const arch = ARCHES.find((known) => known === wish);
  if (!arch) throw new Error(`--arch ${wish}: choose one of ${ARCHES.join(', ')}, all`);
  return [arch];
}

try {
  const wanted = values['no-runtime'] ? [] : arches(values.arch);
  await bundle({ name: 'terrane', entry: 'bin/terrane.ts', outdir: 'dist', split: true, executable: true, say });
  await buildConsole({ outdir: 'dist/console', say });
  await bundle({ name: 'agent', entry: 'bin/agent.ts', outdir: 'dist/agent', minify: true, say });
  if (wanted.length > 0) await buildAgentArtifacts({ directory: 'dist/agent', arches: wanted, say });
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
