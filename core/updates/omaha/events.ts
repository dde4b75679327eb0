import type { Happening } from '../instance.ts';
import type { OmahaEvent } from './request.ts';

const TYPE = { updateComplete: 3, downloadStarted: 13, downloadFinished: 14, installed: 800 } as const;
const RESULT = { error: 0, success: 1, successReboot: 2 } as const;

/** update_engine sets high bits for "a server of one's own", "resumed", "not an official build": the code is below them. */
const ERROR_CODE_BITS = 0x0fffffff;

/** What a finished fresh install, or a boot that updated nothing, says of the version before. */
const NO_VERSION = ['', '0.0.0.0'];

/**
 * What an event says of the update under way; undefined: nothing that is kept. `rebootsIntoUpdates`: the application runs what it was
 * given only after a reboot (Flatcar, Container Linux), so that "installed" isn't yet the end.
 */
export function happeningOf(event: OmahaEvent, rebootsIntoUpdates: boolean): Happening | undefined {
  const { type, result } = event;
  if (result === RESULT.error) return { type: 'error', code: event.errorCode & ERROR_CODE_BITS };
  if (type === TYPE.downloadStarted) return { type: 'progress', progress: 'downloading' };
  if (type === TYPE.downloadFinished) return { type: 'progress', progress: 'downloaded' };
  if (type === TYPE.installed) return { type: 'progress', progress: 'installed' };
  if (type !== TYPE.updateComplete) return undefined;
  if (result === RESULT.success && rebootsIntoUpdates) return { type: 'progress', progress: 'installed' };
  if (result !== RESULT.success && result !== RESULT.successReboot) return undefined;
  if (rebootsIntoUpdates && NO_VERSION.includes(event.previousVersion)) return { type: 'reset' };
  return { type: 'complete' };
}
