import { describe, expect, test } from '@jest/globals';
import { nextPackage } from './next-package.ts';

const pkg = (version: string) => ({ name: `p-${version}`, version });

describe('nextPackage', () => {
  const channel = { target: pkg('5.0.0'), floors: [pkg('3.0.0'), pkg('2.0.0'), pkg('6.0.0'), pkg('5.0.0')] };

  test('leads over each floor in turn to the target', () => {
    const steps: string[] = [];
    for (let version = '1.0.0'; ; ) {
      const next = nextPackage(channel, version);
      if (!next) break;
      steps.push(next.version);
      version = next.version;
    }
    expect(steps).toEqual(['2.0.0', '3.0.0', '5.0.0']);
  });

  test('of who is current or ahead is nothing', () => {
    expect(nextPackage(channel, '5.0.0')).toBeUndefined();
    expect(nextPackage(channel, '5.0.0+build.7')).toBeUndefined();
    expect(nextPackage(channel, '5.0.1')).toBeUndefined();
  });

  test('of a channel without a package is nothing', () => {
    expect(nextPackage({ target: undefined, floors: [pkg('2.0.0')] }, '1.0.0')).toBeUndefined();
  });

  test('of who asks for a forced update is the first floor', () => {
    expect(nextPackage(channel, 'ForcedUpdate')?.version).toBe('2.0.0');
  });
});
