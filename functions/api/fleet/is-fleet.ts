/** Is it a request of fleet's API? Its clients read refusals in fleet's shape. */
export function isFleet(path: string): boolean {
  return /^\/clusters\/[^/]+\/(fleet\/v1|v1-alpha)(\/|$)/.test(path);
}
