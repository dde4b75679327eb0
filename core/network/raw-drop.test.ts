import { describe, expect, test } from '@jest/globals';
import { chainRemoval } from './firewall.ts';
import { RAW_CHAIN, rawDropsInTheWay, rawScript } from './raw-drop.ts';

const NET = '10.244.0.0/16';
const BASE = ['-P PREROUTING ACCEPT', '-P OUTPUT ACCEPT'];
/** As Docker 28 writes it for a container. */
const DROP = '-A PREROUTING -d 10.244.5.9/32 ! -i trn-0af40500 -j DROP';
/** And as it may for a whole network. */
const SUBNET_DROP = '-A PREROUTING -d 10.244.5.0/24 ! -i trn-0af40500 -j DROP';
const JUMP = '-A PREROUTING -j TERRANE-RAW';
const PLACED = [...BASE, '-N TERRANE-RAW', JUMP, DROP, `-A TERRANE-RAW -s ${NET} -d ${NET} -j ACCEPT`];
const text = (lines: readonly string[]) => lines.join('\n');

describe("Docker's raw drop", () => {
  test.each([DROP, SUBNET_DROP])('is passed by: %s', (drop) => {
    const script = rawScript(NET, text([...BASE, drop]))!;
    expect(script).toBe(
      `*raw\n:TERRANE-RAW - [0:0]\n-A TERRANE-RAW -s ${NET} -d ${NET} -j ACCEPT\n-I PREROUTING 1 -j TERRANE-RAW\nCOMMIT\n`,
    );
    expect(rawDropsInTheWay(NET, text([...BASE, drop]))).toEqual([drop]);
  });

  test('once it is, nothing is in the way and nothing is done', () => {
    expect(rawDropsInTheWay(NET, text(PLACED))).toEqual([]);
    expect(rawScript(NET, text(PLACED))).toBeUndefined();
  });

  test('is passed by again when the jump, the rule or their place is lost', () => {
    for (const lost of [JUMP, PLACED.at(-1)!]) expect(rawScript(NET, text(PLACED.filter((line) => line !== lost)))).toBeDefined();
    const behind = [...BASE, '-N TERRANE-RAW', DROP, JUMP, PLACED.at(-1)!];
    expect(rawDropsInTheWay(NET, text(behind))).toEqual([DROP]);
    expect(rawScript(NET, text(behind))).toContain('-D PREROUTING -j TERRANE-RAW\n-I PREROUTING 1 -j TERRANE-RAW');
  });

  test('of networks of others stays what it is, and where there is none nothing is made', () => {
    const others = [...BASE, '-A PREROUTING -d 172.18.0.2/32 ! -i br-1234 -j DROP'];
    expect(rawDropsInTheWay(NET, text(others))).toEqual([]);
    expect(rawScript(NET, text(others))).toBeUndefined();
    expect(rawScript(NET, '')).toBeUndefined();
  });

  test('moves with the network', () => {
    expect(rawScript('10.60.0.0/16', text(PLACED))).toContain('-A TERRANE-RAW -s 10.60.0.0/16 -d 10.60.0.0/16 -j ACCEPT');
  });

  test('leaves nothing of ours behind', () => {
    expect(chainRemoval('raw', RAW_CHAIN, text(PLACED))).toBe(
      '*raw\n-D PREROUTING -j TERRANE-RAW\n-F TERRANE-RAW\n-X TERRANE-RAW\nCOMMIT\n',
    );
  });
});
