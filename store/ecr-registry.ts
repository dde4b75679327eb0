import { TerraneError } from '../core/errors/terrane-error.ts';
import { isDigest } from '../core/images/names.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { ImageRegistry } from '../core/ports/image-registry.ts';
import { answered, type AwsClients, awsClients } from './ecr-calls.ts';
import { ecrCredentials } from './ecr-credentials.ts';
import { lifecyclePolicy } from './ecr-policies.ts';
import { Lanes } from './few-at-a-time.ts';
import { FINDINGS_MAX, readScan } from './ecr-scan.ts';

export interface EcrOptions {
  /** `<account>.dkr.ecr.<region>.amazonaws.com`: an account has one registry a region. */
  readonly host: string;
  /** Path before the tenant: separates installations in an account. */
  readonly root: string;
  /** The role that credentials are vended from. */
  readonly roleArn: string;
  readonly clock: Clock;
  readonly clients?: AwsClients;
}

const REPOSITORIES_AT_ONCE = 8;

/**
 * Organisations' images in Amazon ECR: a prefix for each, `<root>/<tenant>/<repository>`. Bytes never pass through us: clients push and pull
 * with credentials that STS limits to the prefix.
 */
export function ecrRegistry(options: EcrOptions): ImageRegistry {
  const { host, root, clients = awsClients() } = options;
  const path = (tenant: string, repository: string) => `${root}/${tenant}/${repository}`;
  const credentials = ecrCredentials({ ...options, clients });

  async function setRetention(repositoryName: string, policy: string | undefined): Promise<void> {
    const { sdk, client } = await clients.ecr();
    if (policy !== undefined) {
      await answered(client.send(new sdk.PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: policy })));
      return;
    }
    await answered<unknown>(client.send(new sdk.DeleteLifecyclePolicyCommand({ repositoryName })), {
      LifecyclePolicyNotFoundException: () => undefined,
    });
  }

  return {
    prefix: (tenant) => `${host}/${root}/${tenant}/`,

    async create(tenant, repository, { immutableTags = false, retention = {} }) {
      const { sdk, client } = await clients.ecr();
      const repositoryName = path(tenant, repository);
      const command = new sdk.CreateRepositoryCommand({
        repositoryName,
        imageTagMutability: mutability(immutableTags),
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfiguration: { encryptionType: 'AES256' },
        tags: [{ Key: 'terrane:tenant', Value: tenant }],
      });
      await answered<unknown>(client.send(command), { RepositoryAlreadyExistsException: () => undefined });
      const policy = lifecyclePolicy(retention);
      if (policy !== undefined) await setRetention(repositoryName, policy);
    },

    async configure(tenant, repository, { immutableTags, retention }) {
      const { sdk, client } = await clients.ecr();
      const repositoryName = path(tenant, repository);
      if (immutableTags !== undefined) {
        const imageTagMutability = mutability(immutableTags);
        await answered(client.send(new sdk.PutImageTagMutabilityCommand({ repositoryName, imageTagMutability })));
      }
      if (retention !== undefined) await setRetention(repositoryName, lifecyclePolicy(retention));
    },

    async delete(tenant, repository, force) {
      const { sdk, client } = await clients.ecr();
      const command = new sdk.DeleteRepositoryCommand({ repositoryName: path(tenant, repository), force });
      await answered<unknown>(client.send(command), {
        RepositoryNotFoundException: () => undefined,
        RepositoryNotEmptyException: () => {
          throw new TerraneError('repository_not_empty');
        },
      });
    },

    async images(tenant, repository, { next, limit }) {
      const { sdk, client } = await clients.ecr();
      const repositoryName = path(tenant, repository);
      const command = new sdk.DescribeImagesCommand({ repositoryName, maxResults: limit, ...(next && { nextToken: next }) });
      const { imageDetails = [], nextToken } = await answered(client.send(command), {
        InvalidParameterException: () => {
          throw new TerraneError('invalid_request', 'next is not what an earlier answer gave');
        },
      });
      const images = imageDetails.map(({ imageDigest, imageTags = [], imageSizeInBytes = 0, imagePushedAt }) => ({
        digest: imageDigest!,
        tags: imageTags,
        sizeBytes: imageSizeInBytes,
        pushedAt: imagePushedAt?.getTime() ?? 0,
      }));
      return { images, ...(nextToken && { next: nextToken }) };
    },

    async bytes(tenant, repositories) {
      const { sdk, client } = await clients.ecr();
      let sum = 0;
      const lanes = new Lanes(REPOSITORIES_AT_ONCE);
      const add = async (repositoryName: string) => {
        let nextToken: string | undefined;
        do {
          const command = new sdk.DescribeImagesCommand({ repositoryName, maxResults: 1000, ...(nextToken && { nextToken }) });
          const page = await answered(client.send(command));
          for (const { imageSizeInBytes = 0 } of page.imageDetails ?? []) sum += imageSizeInBytes;
          nextToken = page.nextToken;
        } while (nextToken);
      };
      for (const repository of repositories) await lanes.add(() => add(path(tenant, repository)));
      await lanes.end();
      return sum;
    },

    async deleteImage(tenant, repository, reference) {
      const { sdk, client } = await clients.ecr();
      const imageIds = [imageId(reference)];
      const command = new sdk.BatchDeleteImageCommand({ repositoryName: path(tenant, repository), imageIds });
      const { failures = [] } = await answered(client.send(command));
      const [failure] = failures;
      if (!failure) return true;
      if (failure.failureCode === 'ImageNotFound') return false;
      throw new TerraneError('invalid_request', `The image can not be deleted: ${failure.failureReason ?? failure.failureCode}.`);
    },

    async scan(tenant, repository, reference) {
      const { sdk, client } = await clients.ecr();
      return readScan(async (nextToken) => {
        const command = new sdk.DescribeImageScanFindingsCommand({
          repositoryName: path(tenant, repository),
          imageId: imageId(reference),
          maxResults: FINDINGS_MAX,
          ...(nextToken && { nextToken }),
        });
        return answered(client.send(command), { ScanNotFoundException: () => ({ $metadata: {} }) });
      });
    },

    credentials,
  };
}

function imageId(reference: string): { imageDigest: string } | { imageTag: string } {
  return isDigest(reference) ? { imageDigest: reference } : { imageTag: reference };
}

function mutability(immutable: boolean): 'IMMUTABLE' | 'MUTABLE' {
  return immutable ? 'IMMUTABLE' : 'MUTABLE';
}
