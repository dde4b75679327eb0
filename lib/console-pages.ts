import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs at CloudFront for each request to the bucket: the console's pages are one file, which finds out by the path what to show. So it is
 * for an address that somebody mistyped in a browser; the status is 200 then, for the bucket's own answer is an XML document that says
 * "AccessDenied". Every other path is a file or nothing. `pages` are paths in which `:x` stands for one segment.
 */
export function pagesCode(pages: readonly string[]): string {
  const patterns = pages.map((page) => page.replace(/:[a-z]+/g, '[^/]+'));
  return [
    `var pages = new RegExp(${JSON.stringify(`^(?:${patterns.join('|')})$`)});`,
    'var files = /^\\/(?:assets|artifacts)\\//;',
    'function handler(event) {',
    '  var request = event.request;',
    '  var accept = request.headers.accept;',
    "  var mistyped = !files.test(request.uri) && accept && accept.value.includes('text/html');",
    "  if (pages.test(request.uri) || mistyped) request.uri = '/index.html';",
    '  return request;',
    '}',
  ].join('\n');
}

/** What the build says of the console's pages. */
export function pagesOf(consoleDir: string | undefined): readonly string[] {
  return consoleDir === undefined ? [] : (JSON.parse(readFileSync(join(consoleDir, 'pages.json'), 'utf8')) as string[]);
}
