import { type Cidr, contains, parseCidr } from '../../network/ipv4.ts';
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { networkPolicySchema, type PolicyPeer, type PolicyPort } from '../schema/network-policy.ts';
import { validateSelector } from '../validate-selector.ts';
import { ageColumn, nameColumn, selectorText } from './columns.ts';
import type { KindDefinition } from './definition.ts';
import { portNameProblem } from './port-name.ts';

const TYPES = ['Ingress', 'Egress'];

export const networkPolicyKind: KindDefinition<'NetworkPolicy'> = {
  kind: 'NetworkPolicy',
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: networkPolicySchema,
  description: 'Which connections the pods that it selects may have; all others are dropped.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  defaults(policy) {
    const spec = (policy.spec ??= {});
    spec.podSelector ??= {};
    spec.policyTypes ??= spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports) port.protocol ??= 'TCP';
  },
  validate({ spec = {} }) {
    const errors = spec.podSelector ? validateSelector(spec.podSelector, 'spec.podSelector') : [];
    const { policyTypes = [] } = spec;
    if (policyTypes.length > TYPES.length)
      errors.push(invalidValue('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes'));
    for (const [index, type] of policyTypes.entries())
      if (!TYPES.includes(type)) errors.push(notSupported(`spec.policyTypes[${index}]`, type, TYPES));
    for (const [index, { from = [], ports = [] }] of (spec.ingress ?? []).entries())
      errors.push(...ruleErrors(`spec.ingress[${index}]`, 'from', from, ports));
    for (const [index, { to = [], ports = [] }] of (spec.egress ?? []).entries())
      errors.push(...ruleErrors(`spec.egress[${index}]`, 'to', to, ports));
    return errors;
  },
  validateUpdate: () => [],
  columns: [
    nameColumn,
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'Labels of the pods that it is for.',
      cell: ({ spec }) => selectorText(spec?.podSelector),
    },
    ageColumn,
  ],
};

function ruleErrors(at: string, side: 'from' | 'to', peers: readonly PolicyPeer[], ports: readonly PolicyPort[]): FieldError[] {
  return [
    ...peers.flatMap((peer, index) => peerErrors(`${at}.${side}[${index}]`, peer)),
    ...ports.flatMap((port, index) => portErrors(`${at}.ports[${index}]`, port)),
  ];
}

function peerErrors(at: string, { podSelector, namespaceSelector, ipBlock }: PolicyPeer): FieldError[] {
  if (!podSelector && !namespaceSelector && !ipBlock) return [required(at, 'must specify a peer')];
  const errors = [
    ...(podSelector ? validateSelector(podSelector, `${at}.podSelector`) : []),
    ...(namespaceSelector ? validateSelector(namespaceSelector, `${at}.namespaceSelector`) : []),
  ];
  if (!ipBlock) return errors;
  if (podSelector || namespaceSelector) errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'));
  const block = parseCidr(ipBlock.cidr);
  if (!block) return [...errors, invalidValue(`${at}.ipBlock.cidr`, ipBlock.cidr, BLOCK_RULE)];
  for (const [index, text] of (ipBlock.except ?? []).entries()) {
    const wrong = exceptProblem(block, parseCidr(text));
    if (wrong) errors.push(invalidValue(`${at}.ipBlock.except[${index}]`, text, wrong));
  }
  return errors;
}

const BLOCK_RULE = 'must be an IPv4 block without bits behind its prefix (e.g. 10.9.0.0/16)';

function exceptProblem(block: Cidr, except: Cidr | undefined): string | undefined {
  if (!except) return BLOCK_RULE;
  return contains(block, except) && except.prefix > block.prefix ? undefined : 'must be a strict subset of `cidr`';
}

function portErrors(at: string, { port, endPort }: PolicyPort): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof port === 'number' && (port < 1 || port > 65_535))
    errors.push(invalidValue(`${at}.port`, port, 'must be between 1 and 65535, inclusive'));
  const wrongName = typeof port === 'string' ? portNameProblem(port) : undefined;
  if (wrongName) errors.push(invalidValue(`${at}.port`, port, wrongName));
  if (endPort === undefined) return errors;
  if (typeof port !== 'number')
    errors.push(invalidValue(`${at}.endPort`, endPort, 'may not be specified when `port` is not a number'));
  else if (endPort < port) errors.push(invalidValue(`${at}.endPort`, endPort, 'must be greater than or equal to `port`'));
  else if (endPort > 65_535) errors.push(invalidValue(`${at}.endPort`, endPort, 'must be between 1 and 65535, inclusive'));
  return errors;
}
