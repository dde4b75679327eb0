import type { JoinService } from './join-service.ts';

/**
 * The oldest version of Ignition's specification that all systems of today take which read version 3: Flatcar (since 3185), Fedora CoreOS,
 * openSUSE MicroOS. https://coreos.github.io/ignition/configuration-v3_3/
 */
const VERSION = '3.3.0';

/** As JSON. Ignition runs once, at the first boot. */
export function ignitionConfig({ script, unit }: JoinService): string {
  const config = {
    ignition: { version: VERSION },
    storage: {
      files: [{ path: script.path, mode: script.mode, overwrite: true, contents: { source: dataUrl(script.content) } }],
    },
    systemd: { units: [{ name: unit.name, enabled: true, contents: unit.content }] },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** RFC 2397. */
function dataUrl(text: string): string {
  let bytes = '';
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return `data:;base64,${btoa(bytes)}`;
}
