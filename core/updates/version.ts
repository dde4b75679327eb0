/**
 * Which of two versions is newer. Semantic Versioning 2.0.0 section 11 for what is one, and its obvious extension to what isn't: any
 * number of parts (Fedora CoreOS has four, a dated snapshot has one), compared part by part, numbers as numbers. Build metadata (`+…`)
 * doesn't count.
 */

/** update_engine sends this for "give me whatever there is": older than every version. */
const FORCED = 'ForcedUpdate';

/** < 0: `a` is older than `b`; 0: neither is newer. */
export function compareVersions(a: string, b: string): number {
  if (a === FORCED || b === FORCED) return Number(a !== FORCED) - Number(b !== FORCED);
  const [left, right] = [split(a), split(b)];
  const release = compareParts(left.release, right.release, '0');
  if (release !== 0) return release;
  // A pre-release comes before its release.
  if (left.pre.length === 0 || right.pre.length === 0) return Number(left.pre.length === 0) - Number(right.pre.length === 0);
  return compareParts(left.pre, right.pre, undefined);
}

export function isNewer(candidate: string, than: string): boolean {
  return compareVersions(candidate, than) > 0;
}

interface Version {
  readonly release: readonly string[];
  readonly pre: readonly string[];
}

function split(version: string): Version {
  const [withoutBuild = ''] = version
    .trim()
    .replace(/^v(?=\d)/, '')
    .split('+', 1);
  const dash = withoutBuild.indexOf('-');
  const release = dash === -1 ? withoutBuild : withoutBuild.slice(0, dash);
  return { release: release.split('.'), pre: dash === -1 ? [] : withoutBuild.slice(dash + 1).split('.') };
}

/** `missing`: what a list that is over is taken to go on with; undefined: the shorter list comes first. */
function compareParts(a: readonly string[], b: readonly string[], missing: string | undefined): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? missing, b[i] ?? missing];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const order = comparePart(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers come before words. */
function comparePart(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left !== right) return left ? -1 : 1;
  if (!left) return a < b ? -1 : Number(a > b);
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : Number(x > y);
}
