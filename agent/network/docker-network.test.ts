import { expect, test } from '@jest/globals';
import { networkCreate } from './docker-network.ts';

const modeFor = (version: string) =>
  networkCreate({ subnet: '10.244.5.0/24', mtu: 1450, owner: 'c/h' }, version).Options[
    'com.docker.network.bridge.gateway_mode_ipv4'
  ];

test.each(['28.0.0', '28.3.2', '29.0.0-rc.1', '100.1', 'dev'])(
  'Docker %s is asked to do without its drop of what comes from other hosts',
  (version) => expect(modeFor(version)).toBe('nat-unprotected'),
);

test.each(['27.5.1', '27.0.3', '26.1.4', '20.10.24+dfsg1'])(
  'Docker %s, which drops nothing there and may refuse the option, is not asked',
  (version) => expect(modeFor(version)).toBeUndefined(),
);
