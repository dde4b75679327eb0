/** Node label that a host gives itself: "true" if units can be run on it, "false" if it has no systemd that the agent may use. */
export const SYSTEMD_LABEL = 'terrane.dev/systemd';
