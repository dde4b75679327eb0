import { describe, expect, test } from '@jest/globals';
import { chainRemoval, FORWARD_CHAIN, forwardRules, forwardScript, masqueradeScript } from './firewall.ts';

const NET = '10.244.0.0/16';
const DOCKER = ['-P INPUT ACCEPT', '-P FORWARD DROP', '-N DOCKER-USER', '-A FORWARD -j DOCKER-USER', '-A DOCKER-USER -j RETURN'];
const PLACED = [
  ...DOCKER.slice(0, 4),
  '-N TERRANE-FORWARD',
  '-A DOCKER-USER -j TERRANE-FORWARD',
  DOCKER[4]!,
  ...forwardRules(NET),
];

describe('forwarding', () => {
  test("is let through Docker's DROP in the chain that Docker leaves to others, once", () => {
    const script = forwardScript(NET, DOCKER.join('\n'))!;
    expect(script).toContain('-I DOCKER-USER 1 -j TERRANE-FORWARD');
    expect(script).toContain(`-A TERRANE-FORWARD -s ${NET} -d ${NET} -j ACCEPT`);
    expect(forwardScript(NET, PLACED.join('\n'))).toBeUndefined();
    const shown = PLACED.map((line) => line.replace('RELATED,ESTABLISHED,DNAT', 'RELATED,DNAT,ESTABLISHED'));
    expect(forwardScript(NET, shown.join('\n'))).toBeUndefined();
  });

  test('is repaired when the jump or a rule has gone, or stands there twice', () => {
    expect(forwardScript(NET, PLACED.filter((line) => !line.includes('DOCKER-USER -j TERRANE')).join('\n'))).toContain(
      '-I DOCKER-USER 1',
    );
    const short = forwardScript(NET, PLACED.slice(0, -1).join('\n'))!;
    expect(short).toContain(':TERRANE-FORWARD - [0:0]');
    expect(short).not.toContain('-I ');
    expect(forwardScript(NET, [...PLACED, '-A DOCKER-USER -j TERRANE-FORWARD'].join('\n'))).toContain(
      '-D DOCKER-USER -j TERRANE-FORWARD',
    );
  });

  test('is left alone where nothing drops it', () => {
    expect(forwardScript(NET, '-P FORWARD ACCEPT')).toBeUndefined();
    expect(forwardScript(NET, '-P FORWARD DROP')).toContain('-I FORWARD 1');
  });

  test('leaves nothing behind', () => {
    expect(chainRemoval('filter', FORWARD_CHAIN, PLACED.join('\n'))).toBe(
      '*filter\n-D DOCKER-USER -j TERRANE-FORWARD\n-F TERRANE-FORWARD\n-X TERRANE-FORWARD\nCOMMIT\n',
    );
    expect(chainRemoval('filter', FORWARD_CHAIN, DOCKER.join('\n'))).toBeUndefined();
  });
});

test('only packets that leave the network are masqueraded, of former subnets too', () => {
  const script = masqueradeScript({ network: NET, subnets: ['10.244.5.0/24', '10.200.1.0/24'] });
  expect(script).toContain('ip saddr 10.244.5.0/24 ip daddr != 10.244.0.0/16');
  expect(script).toContain('ip saddr 10.200.1.0/24 ip daddr != 10.244.0.0/16');
});

test("what the host's own programs send to pods comes from its gateway, which other hosts let in", () => {
  const script = masqueradeScript({ network: NET, subnets: ['10.244.5.0/24', '10.200.1.0/24'] });
  expect(script).toContain('fib saddr type local ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 snat to 10.244.5.1');
});
