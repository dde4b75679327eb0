import { expect, test } from '@jest/globals';
import { silentLogger } from '../../core/ports/logger.ts';
import { auditWrite } from './audit-write.ts';

test('who ran a command beside a unit is recorded with the host that it ran on', async () => {
  const recorded: unknown[][] = [];
  const principal = { kind: 'person', tenant: 't', userId: 'u1', email: 'ann@example.com', role: 'admin' } as const;
  await auditWrite({ recordAudit: async (...record) => void recorded.push(record) }, silentLogger, {
    principal: principal as never,
    cluster: { tenant: 't', id: 'c1', name: 'demo' } as never,
    verb: 'create',
    kind: 'Unit',
    namespace: '',
    name: 'a.service',
    subresource: 'exec',
    host: 'n1',
    revision: 7,
  });
  expect(recorded).toEqual([
    ['t', expect.anything(), 'unit/exec.create', 'demo/a.service', { cluster: 'c1', revision: 7, host: 'n1' }],
  ]);
});
