import { expect, test } from '@jest/globals';
import { parseUnitFile } from './unit-file.ts';
import { unitRequests } from './unit-requests.ts';

const requests = (service: string) => Object.fromEntries(unitRequests(parseUnitFile(`[Service]\n${service}`)));

test('a unit takes what it is limited to', () => {
  expect(requests('CPUQuota=150%\nMemoryMax=512M')).toEqual({ cpu: 1500, memory: 512 * 1024 ** 2 });
  expect(requests('MemoryLimit=1073741824')).toEqual({ memory: 1024 ** 3 });
  expect(requests('CPUQuota=20%\nCPUQuota=30%')).toEqual({ cpu: 300 });
});

test('a unit without limits, or with limits that depend on the host, takes nothing', () => {
  expect(requests('ExecStart=/bin/true')).toEqual({});
  expect(requests('MemoryMax=infinity\nCPUQuota=')).toEqual({});
  expect(requests('MemoryMax=20%')).toEqual({});
});
