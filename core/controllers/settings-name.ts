/** The ConfigMap that holds what a cluster's owner may tune. */
export const SETTINGS_NAMESPACE = 'terrane-system';
export const SETTINGS_NAME = 'cluster-settings';
