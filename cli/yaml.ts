/**
 * The YAML library, for `await import('../yaml.ts')`: only some commands need it, and it is a CommonJS package, of which a bundle's
 * dynamic import sees no names.
 */
export { isNode, LineCounter, parseAllDocuments, stringify } from 'yaml';
