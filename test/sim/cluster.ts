import { simulateCluster } from './cluster/simulate.ts';
import { tellStories } from './tell-stories.ts';

/** `npm run sim -- [--seeds N] [--from S]`: stories of whole clusters under faults. */
process.exitCode = await tellStories('npm run sim', simulateCluster);
