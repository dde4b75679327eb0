import type { Clock } from '../../../core/ports/clock.ts';
import type { ImageRegistry } from '../../../core/ports/image-registry.ts';
import { awsClients } from '../../../store/ecr-calls.ts';
import { ecrRegistry } from '../../../store/ecr-registry.ts';
import { type Ecr, ecr } from './ecr.ts';
import { awsServer } from './server.ts';
import { sts } from './sts.ts';

export const IMAGE_ROLE = 'arn:aws:iam::123456789012:role/terrane-test-images';
export const IMAGE_HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

/** The hosted image registry: our driver and the real SDK clients, before an ECR and an STS on loopback. */
export interface TestImages {
  readonly registry: ImageRegistry;
  readonly service: Ecr;
  /** Calls that were signed wrongly or aren't known: none in a test that passes. */
  readonly refused: readonly string[];
  close(): void;
}

export async function testImages(clock: Clock = { now: () => Date.now() }): Promise<TestImages> {
  const roles = sts(IMAGE_ROLE);
  const service = ecr('123456789012', 'us-east-1', roles.sessions, () => clock.now());
  const aws = await awsServer([service], roles);
  const clients = awsClients(aws.settings);
  const registry = ecrRegistry({ host: IMAGE_HOST, root: 'terrane-test', roleArn: IMAGE_ROLE, clock, clients });
  return { registry, service, refused: aws.refused, close: () => aws.close() };
}
