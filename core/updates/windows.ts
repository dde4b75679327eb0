import type { Window } from './model.ts';

const DAY_MINUTES = 24 * 60;

/** Whether an update may begin now. Local times are those of the clock on the wall: a window at 02:30 has none on the day that skips it. */
export function windowIsOpen(windows: readonly Window[], now: number): boolean {
  return windows.length === 0 || windows.some((window) => isIn(window, now));
}

function isIn({ days, start, length, timeZone }: Window, now: number): boolean {
  const { day, minutes } = localTime(timeZone, now);
  // A window that reaches into later days may have begun on any of them.
  for (let back = 0; back * DAY_MINUTES < start + length; back++) {
    const startDay = (((day - back) % 7) + 7) % 7;
    const since = minutes + back * DAY_MINUTES - start;
    if ((days.length === 0 || days.includes(startDay)) && since >= 0 && since < length) return true;
  }
  return false;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(timeZone: string, now: number): { day: number; minutes: number } {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return {
    day: WEEKDAYS.indexOf(parts.get('weekday') ?? ''),
    minutes: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
}
