import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { AuditEntry, Commit } from '../../federation/store/store.ts';

export const cluster = (name: string, drainPercent = 0): Cluster => ({
  kind: 'cluster',
  name,
  admission: 'ADMITTED',
  membership: 'm',
  drainPercent,
  drainScope: 'ALL',
  drainDeadline: undefined,
  trustDomain: defaultTrustDomain,
  joinedAt: 1,
  namespaces: undefined,
  network: undefined,
});

const audit = (id: string, idempotencyKey = ''): AuditEntry => ({
  id,
  at: 1,
  actor: 'admin',
  action: 'test',
  subject: id,
  reason: '',
  outcome: '{}',
  idempotencyKey,
});

export const put = (name: string, expected?: number, drain = 0): Commit['writes'][number] => ({
  put: cluster(name, drain),
  id: name,
  expected,
});

export const commit = (id: string, writes: Commit['writes'], fence = 100, key = ''): Commit => ({
  writes,
  audit: audit(id, key),
  fence,
});
