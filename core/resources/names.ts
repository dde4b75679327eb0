import { type FieldError, invalidValue } from './field-error.ts';

/** Rules for names, labels and annotations (Kubernetes "Object Names and IDs", "Labels and Selectors"). Each answers what is wrong, or nothing. */

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const MAX_ANNOTATION_BYTES = 256 * 1024;

export type NameRule = (name: string) => string | undefined;

const tooLong = (max: number) => `must be no more than ${max} characters`;

/** RFC 1123 label, at most 63. */
export const dnsLabel: NameRule = (name) =>
  name.length > 63
    ? tooLong(63)
    : DNS_LABEL.test(name)
      ? undefined
      : "must consist of lower case letters, digits or '-', and start and end with a letter or digit (RFC 1123 label, e.g. 'my-name')";

/** RFC 1035 label: as dnsLabel, but starts with a letter. Service names. */
export const dns1035Label: NameRule = (name) =>
  name.length > 63
    ? tooLong(63)
    : DNS_1035_LABEL.test(name)
      ? undefined
      : "must consist of lower case letters, digits or '-', start with a letter and end with a letter or digit (RFC 1035 label, e.g. 'my-name')";

/** RFC 1123 subdomain, at most 253. */
export const dnsSubdomain: NameRule = (name) =>
  name.length > 253
    ? tooLong(253)
    : DNS_SUBDOMAIN.test(name)
      ? undefined
      : "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit (RFC 1123 subdomain, e.g. 'example.com')";

/** `[prefix/]name`: keys of labels, annotations and resources. */
export const qualifiedName: NameRule = (key) => {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix !== undefined && dnsSubdomain(prefix)) return `prefix part ${dnsSubdomain(prefix)}`;
  if (name.length === 0) return 'name part must not be empty';
  if (name.length > 63) return `name part ${tooLong(63)}`;
  return QUALIFIED_NAME.test(name)
    ? undefined
    : "name part must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit (e.g. 'example.com/my-name')";
};

export const labelValue: NameRule = (value) =>
  value.length > 63
    ? tooLong(63)
    : LABEL_VALUE.test(value)
      ? undefined
      : "must be empty or consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit (e.g. 'my-value')";

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    const wrongKey = qualifiedName(key);
    if (wrongKey) errors.push(invalidValue(field, key, wrongKey));
    const wrongValue = labelValue(value);
    if (wrongValue) errors.push(invalidValue(field, value, wrongValue));
  }
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const wrongKey = qualifiedName(key.toLowerCase());
    if (wrongKey) errors.push(invalidValue(field, key, wrongKey));
    bytes += key.length + value.length;
  }
  if (bytes > MAX_ANNOTATION_BYTES)
    errors.push({
      reason: 'FieldValueTooLong',
      field,
      message: `Too long: annotations may have at most ${MAX_ANNOTATION_BYTES} bytes`,
    });
  return errors;
}
