import { expect, test } from '@jest/globals';
import { unitOfPath, unitPath } from './unit-path.ts';

test("a unit's D-Bus path is as systemd escapes it", () => {
  expect(unitPath('web@1.service')).toBe('/org/freedesktop/systemd1/unit/web_401_2eservice');
  expect(unitPath('1st-x.socket')).toBe('/org/freedesktop/systemd1/unit/_31st_2dx_2esocket');
});

test('a path leads back to the name', () => {
  for (const name of ['web@1.service', '1st-x.socket', 'a_b\\x2dc:d.mount']) expect(unitOfPath(unitPath(name))).toBe(name);
  expect(unitOfPath('/org/freedesktop/systemd1/job/3')).toBeUndefined();
});
