const UNITS = '/org/freedesktop/systemd1/unit/';

/** D-Bus path of a unit: what is no letter or digit is written as _ and two hexadecimal digits (sd_bus_path_encode(3)). */
export function unitPath(name: string): string {
  const escaped = Array.from(Buffer.from(name), (byte, at) => {
    const character = String.fromCharCode(byte);
    const plain = /[A-Za-z]/.test(character) || (at > 0 && /[0-9]/.test(character));
    return plain ? character : `_${byte.toString(16).padStart(2, '0')}`;
  });
  return UNITS + escaped.join('');
}

/** The unit's name, or undefined for a path of something else. */
export function unitOfPath(path: string): string | undefined {
  if (!path.startsWith(UNITS)) return undefined;
  const bytes = path
    .slice(UNITS.length)
    .replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
