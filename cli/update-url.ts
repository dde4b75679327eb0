/** Where a host asks for updates. update_engine sends what stands before the @ as Basic auth. */
export function updateUrl(server: string, token: string): string {
  const url = new URL('/v1/update/', server);
  url.username = 'update';
  url.password = token;
  return url.href;
}
