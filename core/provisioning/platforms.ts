/** Where a host is made, and where its name there comes from. */
export const PLATFORMS = ['bare-metal', 'vm', 'ec2', 'azure', 'gce', 'openstack'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** All clouds answer hosts there (RFC 3927 link-local; GCE by a name for it, too). */
const METADATA = 'http://169.254.169.254';

/**
 * Shell that prints the name of the machine on its platform, or nothing: the host name is taken then. Each asks with the header or token that
 * the platform wants, so that no page in a browser could have.
 * AWS: IMDSv2. Azure: Instance Metadata Service. GCE: metadata server v1. OpenStack: its own meta_data.json.
 */
export const NAME_OF_MACHINE: Readonly<Record<Platform, string | undefined>> = {
  'bare-metal': undefined,
  vm: undefined,
  ec2:
    `t=$(get -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${METADATA}/latest/api/token) && ` +
    `get -H "X-aws-ec2-metadata-token: $t" ${METADATA}/latest/meta-data/instance-id`,
  azure: `get -H 'Metadata: true' '${METADATA}/metadata/instance/compute/name?api-version=2021-02-01&format=text'`,
  gce: `get -H 'Metadata-Flavor: Google' ${METADATA}/computeMetadata/v1/instance/name`,
  openstack: `get ${METADATA}/openstack/latest/meta_data.json | sed -n 's/.*"name": *"\\([^"]*\\)".*/\\1/p'`,
};
