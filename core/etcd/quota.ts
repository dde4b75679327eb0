/** etcd's default --quota-backend-bytes. */
export const QUOTA_BYTES = 2_000_000_000;
