import type { Configuration, Provider } from 'oidc-provider';

/**
 * An OpenID Connect issuer with oidc-provider's own example pages, keys and memory, which is what a test wants: its advice not to do so
 * in production (given when it is loaded, made and first asked) is kept out of the tests' output. Whatever else is warned of is printed.
 */
export async function exampleProvider(issuer: string, configuration: Configuration): Promise<Provider> {
  for (const level of ['info', 'warn'] as const) {
    const print = console[level];
    console[level] = (...words: unknown[]) => {
      if (!/^oidc-provider (NOTICE|WARNING): /.test(String(words[0]))) print(...words);
    };
  }
  const { default: Issuer } = await import('oidc-provider');
  return new Issuer(issuer, configuration);
}
