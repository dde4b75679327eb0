import type { Retention } from '../core/ports/image-registry.ts';

const PULL = ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'];
const PUSH = ['ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload', 'ecr:PutImage'];

/**
 * What a session may do: the role's rights and these, whichever are fewer. An inline policy has at most 2,048 characters
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
 */
export function sessionPolicy(repositories: string, access: 'pull' | 'push'): string {
  const Action = access === 'push' ? [...PULL, ...PUSH] : PULL;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
      { Effect: 'Allow', Action, Resource: repositories },
    ],
  });
}

/** As ECR wants it (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html); undefined: nothing goes by itself. */
export function lifecyclePolicy({ untaggedDays, keepLast }: Retention): string | undefined {
  const rules: object[] = [];
  const rule = (description: string, selection: object) =>
    rules.push({ rulePriority: rules.length + 1, description, selection, action: { type: 'expire' } });
  if (untaggedDays !== undefined) {
    const counted = { countType: 'sinceImagePushed', countUnit: 'days', countNumber: untaggedDays };
    rule('images without a tag', { tagStatus: 'untagged', ...counted });
  }
  // A rule for any tag must come last.
  if (keepLast !== undefined)
    rule('all but the newest', { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: keepLast });
  return rules.length === 0 ? undefined : JSON.stringify({ rules });
}
