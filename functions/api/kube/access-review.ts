import * as z from 'zod';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import { kinds } from '../../../core/resources/kinds/index.ts';
import { badRequest } from '../../../core/resources/status.ts';
import { roleAllows } from './authorise.ts';

/** authorization.k8s.io/v1: `kubectl auth can-i`. Answers from the same rule that decides requests. */

const attributesSchema = z.object({
  verb: z.string().optional(),
  group: z.string().optional(),
  resource: z.string().optional(),
  subresource: z.string().optional(),
});
const accessReviewSchema = z.object({
  spec: z.object({
    resourceAttributes: attributesSchema.optional(),
    nonResourceAttributes: z.object({ path: z.string().optional(), verb: z.string().optional() }).optional(),
  }),
});

export function reviewAccess(principal: PersonPrincipal, body: object): object {
  const parsed = accessReviewSchema.safeParse(body);
  if (!parsed.success)
    throw badRequest(`SelfSubjectAccessReview can't be read: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
  const { resourceAttributes: asked } = parsed.data.spec;
  const allowed = asked === undefined || roleAllows(principal.role, attributesOf(asked));
  const reason = allowed ? '' : `the role ${principal.role} does not allow it`;
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: {},
    ...parsed.data,
    status: { allowed, ...(reason && { reason }) },
  };
}

function attributesOf({ verb = '', group = '', resource = '' }: z.infer<typeof attributesSchema>) {
  const definition = kinds.find((candidate) => candidate.plural === resource && candidate.group === group);
  return { verb: verb === '*' ? 'create' : verb, group, resource, namespaced: definition?.namespaced };
}

export function reviewRules(principal: PersonPrincipal): object {
  const all = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
  const resourceRules = kinds.map(({ group, plural, namespaced }) => ({
    verbs: all.filter((verb) => roleAllows(principal.role, { verb, group, resource: plural, namespaced })),
    apiGroups: [group],
    resources: [plural, `${plural}/*`],
  }));
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    metadata: {},
    spec: {},
    status: {
      resourceRules: resourceRules.filter(({ verbs }) => verbs.length > 0),
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi/*', '/version'] }],
      incomplete: false,
    },
  };
}
