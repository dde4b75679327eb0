import { describe, expect, test } from '@jest/globals';
import { haltAsked, haltRequestSchema } from './halt-request.ts';

const alert = (status: string, alertname?: string) => ({ status, labels: alertname === undefined ? {} : { alertname } });
/** As Alertmanager sends it, with all that nobody looks at. */
const webhook = (...alerts: object[]) => ({
  version: '4',
  groupKey: '{}:{}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'terrane',
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager.example',
  alerts: alerts.map((one) => ({
    annotations: { summary: 's' },
    startsAt: '2026-01-01T00:00:00Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: 'f',
    ...one,
  })),
});
const asked = (body: object) => haltAsked(haltRequestSchema.parse(body));

describe('what asks to halt a group', () => {
  test("a person's words are the reason", () => {
    expect(asked({ reason: ' disks fill up ' })).toEqual({ reason: 'HaltedByHand', message: 'disks fill up' });
  });

  test('an alert that fires does, by name and once for many; one that is over does not', () => {
    expect(
      asked(webhook(alert('resolved', 'Old'), alert('firing', 'Errors'), alert('firing', 'Errors'), alert('firing'))),
    ).toEqual({
      reason: 'AlertFiring',
      message: 'Errors, without a name',
    });
    expect(asked(webhook(alert('resolved', 'Old')))).toBeUndefined();
    expect(asked(webhook())).toBeUndefined();
  });

  test('of many alerts a few are named', () => {
    const many = Array.from({ length: 7 }, (_, index) => alert('firing', `a${index}`));
    expect(asked(webhook(...many))?.message).toBe('a0, a1, a2, a3, a4 and 2 more');
  });

  test.each([{}, { reason: '' }, { reason: ' ' }, { reason: 1 }, { alerts: 'all' }, { alerts: [{ status: 'firing' }] }, []])(
    'what is neither is refused: %j',
    (body) => {
      expect(haltRequestSchema.safeParse(body).success).toBe(false);
    },
  );
});
