import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { happeningOf } from './events.ts';
import { OmahaSyntaxError, parseRequest } from './request.ts';
import { formatResponse, type OmahaAnswer } from './response.ts';

const FLATCAR = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
const check = `<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">
  <os version="Chateau" platform="CoreOS" sp="1000.0.0_x86_64"/>
  <app appid="${FLATCAR}" version="1000.0.0" track="stable" bootid="{b}" oem="" oemversion="" alephversion="999.0.0"
       machineid="00112233445566778899aabbccddeeff" machinealias="lab &amp; 1" lang="en-US" board="amd64-usr" delta_okay="false">
    <ping active="1"/><updatecheck/><event eventtype="3" eventresult="2" previousversion="0.0.0.0"/>
  </app>
</request>`;

describe('parseRequest', () => {
  test("reads update_engine's check", () => {
    const { apps, ...request } = parseRequest(check);
    expect(request).toEqual({
      protocol: '3.0',
      updater: 'update_engine-0.4.10',
      os: { platform: 'CoreOS', arch: '1000.0.0_x86_64' },
    });
    expect(apps).toEqual([
      {
        appId: FLATCAR,
        version: '1000.0.0',
        track: 'stable',
        machineId: '00112233445566778899aabbccddeeff',
        machineAlias: 'lab & 1',
        bootId: '{b}',
        board: 'amd64-usr',
        oem: '',
        oemVersion: '',
        alephVersion: '999.0.0',
        ping: true,
        updateCheck: true,
        events: [{ type: 3, result: 2, errorCode: 0, previousVersion: '0.0.0.0' }],
      },
    ]);
  });

  test('passes over what it does not know, and does not take what lies inside it', () => {
    const { apps } = parseRequest(
      '<request protocol="3.1" x="1"><hw/><app appid="a"><data><updatecheck/><event eventtype="3"/></data><ping/></app><app appid="b"/></request>',
    );
    expect(apps.map(({ appId, ping, updateCheck, events }) => [appId, ping, updateCheck, events.length])).toEqual([
      ['a', true, false, 0],
      ['b', false, false, 0],
    ]);
  });

  test.each([
    ['', 'nothing'],
    ['hello', 'text'],
    ['<request protocol="3.0">', 'an element that does not end'],
    ['<request protocol="3.0"></response>', 'another end tag'],
    ['<response protocol="3.0"/>', 'another document'],
    ['<request/>', 'no protocol'],
    ['<request protocol="2.0"/>', 'another protocol'],
    ['<!DOCTYPE r [<!ENTITY a "b">]><request protocol="3.0">&a;</request>', 'a document type'],
    ['<request protocol="3.0">&a;</request>', 'an unknown entity'],
    ['<request protocol="3.0"><app><event eventtype="x"/></app></request>', 'an event type that is no number'],
    [`<request protocol="3.0">${'<app/>'.repeat(21)}</request>`, 'too many apps'],
    [`<request protocol="3.0"><app>${'<event/>'.repeat(51)}</app></request>`, 'too many events'],
  ])('refuses %j: %s', (xml) => expect(() => parseRequest(xml)).toThrow(OmahaSyntaxError));

  test('answers any text with a request or an OmahaSyntaxError', () => {
    const piece = fc.constantFrom(
      '<request protocol="3.0">',
      '</request>',
      '<app appid="a">',
      '</app>',
      '<event ',
      '/>',
      '"',
      '&',
      '\0',
      check,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 }), (pieces) => {
        try {
          parseRequest(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(OmahaSyntaxError);
        }
      }),
    );
  });
});

describe('formatResponse', () => {
  const respond = (app: Partial<OmahaAnswer>) =>
    formatResponse({ server: 't', elapsedSeconds: 1, apps: [{ appId: FLATCAR, status: 'ok', ping: false, events: 0, ...app }] });

  test('is what update_engine reads of an update', () => {
    const xml = respond({
      ping: true,
      events: 1,
      updateCheck: {
        status: 'ok',
        manifest: {
          version: '2000.0.0',
          codebases: ['https://cdn.example/dir/'],
          files: [
            { name: 'update.gz', size: 28230159, sha1: 's1', sha256: 's2' },
            { name: 'oem.gz', size: 5, sha256: 's3' },
          ],
          action: { sha256: 's2', isDelta: false, disablePayloadBackoff: true },
        },
      },
    });
    expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<response protocol="3.0" server="t"><daystart elapsed_seconds="1"/><app appid="${FLATCAR}" status="ok"><ping status="ok"/>\
<updatecheck status="ok"><urls><url codebase="https://cdn.example/dir/"/></urls><manifest version="2000.0.0"><packages>\
<package name="update.gz" hash="s1" size="28230159" required="true" hash_sha256="s2"/><package name="oem.gz" size="5" required="true" hash_sha256="s3"/>\
</packages><actions><action event="postinstall" sha256="s2" needsadmin="false" IsDeltaPayload="false" DisablePayloadBackoff="true"/></actions>\
</manifest></updatecheck><event status="ok"/></app></response>
`);
  });

  test('tells who has to wait when to come again', () => {
    expect(respond({ updateCheck: { status: 'noupdate', pollSeconds: 14400 } })).toContain(
      '<updatecheck PollInterval="14400" status="noupdate"/>',
    );
  });

  test('escapes what clients and people wrote', () => {
    expect(respond({ appId: '"><x>&\0' })).toContain('appid="&quot;&gt;&lt;x&gt;&amp; "');
  });
});

describe('happeningOf', () => {
  const event = (type: number, result: number, more: { errorCode?: number; previousVersion?: string } = {}) => ({
    type,
    result,
    errorCode: 0,
    previousVersion: '1000.0.0',
    ...more,
  });
  test.each([
    [event(13, 1), { type: 'progress', progress: 'downloading' }],
    [event(14, 1), { type: 'progress', progress: 'downloaded' }],
    [event(800, 1), { type: 'progress', progress: 'installed' }],
    [event(3, 2), { type: 'complete' }],
    [event(3, 0, { errorCode: 268435490 }), { type: 'error', code: 34 }],
    [event(3, 0, { errorCode: 0x40000000 | 0x10000000 | 9 }), { type: 'error', code: 9 }],
    [event(1, 0), { type: 'error', code: 0 }],
    [event(2, 1), undefined],
  ])('%j is %j', (given, expected) => expect(happeningOf(given, true)).toEqual(expected));

  test('a system that reboots into its update is not done when it is written', () => {
    expect(happeningOf(event(3, 1), true)).toEqual({ type: 'progress', progress: 'installed' });
    expect(happeningOf(event(3, 1), false)).toEqual({ type: 'complete' });
  });

  test('a first boot after an install has completed no update', () => {
    for (const previousVersion of ['', '0.0.0.0'])
      expect(happeningOf(event(3, 2, { previousVersion }), true)).toEqual({ type: 'reset' });
    expect(happeningOf(event(3, 2, { previousVersion: '' }), false)).toEqual({ type: 'complete' });
  });
});
