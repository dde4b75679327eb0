import { simulate } from './kv/simulation.ts';
import { tellStories } from './tell-stories.ts';

/** `npm run sim:kv -- [--seeds N] [--from S]`: stories of keyspaces under faults. */
process.exitCode = await tellStories('npm run sim:kv', async (seed) => {
  const { findings, counts } = await simulate(seed);
  return { findings: findings.map(({ rule, facts }) => `${rule}: ${facts}`), counts };
});
