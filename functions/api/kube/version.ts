/** The Kubernetes release whose wire behaviour is followed: kubectl compares its own version with it. */
const KUBERNETES_VERSION = { major: '1', minor: '30', gitVersion: 'v1.30.0+terrane' };

/** GET /version */
export function versionInfo(): object {
  return {
    ...KUBERNETES_VERSION,
    gitCommit: '',
    gitTreeState: '',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: '',
  };
}
