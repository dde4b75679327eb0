const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** As an attribute's value or content. Control characters, which can't be written in XML 1.0 at all, become spaces. */
export function escapeXml(value: string): string {
  // oxlint-disable-next-line no-control-regex
  return value.replace(/[&<>"]/g, (character) => ENTITIES[character]!).replace(/[\u0000-\u001f\u007f]/g, ' ');
}
