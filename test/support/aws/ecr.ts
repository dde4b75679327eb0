import { AwsFailure, type AwsJsonService, checkFields } from './service.ts';
import type { Session } from './sts.ts';

export interface FakeImage {
  readonly digest: string;
  tags: string[];
  readonly size: number;
  /** Findings of a scan; undefined: it was not scanned. */
  readonly findings?: readonly { readonly name: string; readonly severity: string }[];
}

export interface FakeRepository {
  immutable: boolean;
  readonly images: FakeImage[];
  policy?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Ecr extends AwsJsonService {
  readonly repositories: Map<string, FakeRepository>;
  /** So many calls more are answered with a ThrottlingException. */
  throttle: number;
  readonly calls: string[];
  /** What a `docker pull` or `docker push` with this password is allowed. */
  allows(password: string, action: string, repository: string): boolean;
}

/** `repositoryName` (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html). */
const NAME = /^(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const TOKEN_MS = 12 * 3_600_000;

/** Amazon ECR as far as it is called: repositories, images, policies, scans, and tokens whose scope is the caller's. */
export function ecr(account: string, region: string, sessions: ReadonlyMap<string, Session>, now: () => number = Date.now): Ecr {
  const repositories = new Map<string, FakeRepository>();
  const calls: string[] = [];
  const arn = (name: string) => `arn:aws:ecr:${region}:${account}:repository/${name}`;

  function repository(input: Readonly<Record<string, unknown>>): FakeRepository {
    const found = repositories.get(String(input['repositoryName']));
    if (!found) throw new AwsFailure('RepositoryNotFoundException', `no repository ${String(input['repositoryName'])}`);
    return found;
  }

  function image(from: FakeRepository, id: { imageDigest?: string; imageTag?: string }): FakeImage | undefined {
    return from.images.find(
      ({ digest, tags }) => digest === id.imageDigest || (id.imageTag !== undefined && tags.includes(id.imageTag)),
    );
  }

  function page<T>(
    all: readonly T[],
    { maxResults = 100, nextToken }: { maxResults?: number; nextToken?: string },
  ): [T[], string | undefined] {
    if (maxResults < 1 || maxResults > 1_000) throw new AwsFailure('InvalidParameterException', `maxResults ${maxResults}`);
    const start = nextToken === undefined ? 0 : Number(nextToken);
    if (!Number.isInteger(start)) throw new AwsFailure('InvalidParameterException', 'nextToken');
    const end = start + maxResults;
    return [all.slice(start, end), end < all.length ? String(end) : undefined];
  }

  const actions: Record<string, (input: Record<string, unknown>, accessKey: string) => unknown> = {
    CreateRepository(input) {
      checkFields(
        input,
        ['repositoryName'],
        ['imageTagMutability', 'imageScanningConfiguration', 'encryptionConfiguration', 'tags'],
      );
      const name = String(input['repositoryName']);
      if (!NAME.test(name)) throw new AwsFailure('InvalidParameterException', `repositoryName ${name}`);
      if (repositories.has(name)) throw new AwsFailure('RepositoryAlreadyExistsException', name);
      const tags = Object.fromEntries((input['tags'] as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
      repositories.set(name, { immutable: input['imageTagMutability'] === 'IMMUTABLE', images: [], tags });
      return { repository: { repositoryName: name, repositoryArn: arn(name) } };
    },
    DeleteRepository(input) {
      checkFields(input, ['repositoryName'], ['force']);
      if (repository(input).images.length > 0 && !input['force']) throw new AwsFailure('RepositoryNotEmptyException', '');
      repositories.delete(String(input['repositoryName']));
      return {};
    },
    PutImageTagMutability(input) {
      checkFields(input, ['repositoryName', 'imageTagMutability']);
      repository(input).immutable = input['imageTagMutability'] === 'IMMUTABLE';
      return {};
    },
    PutLifecyclePolicy(input) {
      checkFields(input, ['repositoryName', 'lifecyclePolicyText']);
      const { rules } = JSON.parse(String(input['lifecyclePolicyText'])) as {
        rules: { rulePriority: number; selection: { tagStatus: string } }[];
      };
      const any = rules.findIndex(({ selection }) => selection.tagStatus === 'any');
      if (any >= 0 && any !== rules.length - 1)
        throw new AwsFailure('InvalidParameterException', 'a rule for any tag must be the last');
      repository(input).policy = String(input['lifecyclePolicyText']);
      return {};
    },
    DeleteLifecyclePolicy(input) {
      const found = repository(input);
      if (found.policy === undefined) throw new AwsFailure('LifecyclePolicyNotFoundException', '');
      delete found.policy;
      return {};
    },
    DescribeImages(input) {
      checkFields(input, ['repositoryName'], ['maxResults', 'nextToken']);
      const [some, nextToken] = page(repository(input).images, input);
      const imageDetails = some.map(({ digest, tags, size }) => ({
        imageDigest: digest,
        ...(tags.length > 0 && { imageTags: tags }),
        imageSizeInBytes: size,
        imagePushedAt: 1_700_000_000,
      }));
      return { imageDetails, ...(nextToken && { nextToken }) };
    },
    BatchDeleteImage(input) {
      const found = repository(input);
      const [id] = input['imageIds'] as [{ imageDigest?: string; imageTag?: string }];
      const one = image(found, id);
      if (!one)
        return { imageIds: [], failures: [{ imageId: id, failureCode: 'ImageNotFound', failureReason: 'no such image' }] };
      if (id.imageTag !== undefined) one.tags = one.tags.filter((tag) => tag !== id.imageTag);
      if (id.imageDigest !== undefined || one.tags.length === 0) found.images.splice(found.images.indexOf(one), 1);
      return { imageIds: [id], failures: [] };
    },
    DescribeImageScanFindings(input) {
      checkFields(input, ['repositoryName', 'imageId'], ['maxResults', 'nextToken']);
      const one = image(repository(input), input['imageId'] as object);
      if (!one) throw new AwsFailure('ImageNotFoundException', '');
      if (!one.findings) throw new AwsFailure('ScanNotFoundException', '');
      // Never more than 100 at once, so that whoever stops at the first page is noticed.
      const [some, nextToken] = page(one.findings, { ...input, maxResults: 100 });
      const counts: Record<string, number> = {};
      for (const { severity } of one.findings) counts[severity] = (counts[severity] ?? 0) + 1;
      return {
        imageScanStatus: { status: 'COMPLETE' },
        imageScanFindings: { findings: some, findingSeverityCounts: counts },
        ...(nextToken && { nextToken }),
      };
    },
    GetAuthorizationToken(_input, accessKey) {
      const session = sessions.get(accessKey);
      // A token made with the function's own rights would reach every organisation.
      if (!session) throw new AwsFailure('AccessDeniedException', `${accessKey} is no session of the role`);
      const token = Buffer.from(`AWS:${accessKey}-${calls.length}`).toString('base64');
      const proxyEndpoint = `https://${account}.dkr.ecr.${region}.amazonaws.com`;
      return { authorizationData: [{ authorizationToken: token, expiresAt: (now() + TOKEN_MS) / 1000, proxyEndpoint }] };
    },
  };

  const service: Ecr = {
    signedFor: 'ecr',
    target: 'AmazonEC2ContainerRegistry_V20150921',
    repositories,
    calls,
    throttle: 0,
    call(action, input, accessKey) {
      calls.push(action);
      if (service.throttle-- > 0) throw new AwsFailure('ThrottlingException', 'Rate exceeded');
      const run = actions[action];
      if (!run) throw new AwsFailure('UnknownOperationException', action);
      return run(input as Record<string, unknown>, accessKey);
    },
    allows(password, action, name) {
      const session = sessions.get(password.split('-')[0] ?? '');
      return (session?.policy ?? []).some(
        ({ Action, Resource }) =>
          [Action].flat().includes(action) && new RegExp(`^${Resource.replaceAll('*', '.*')}$`).test(arn(name)),
      );
    },
  };
  return service;
}
