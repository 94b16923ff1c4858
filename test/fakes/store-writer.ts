import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';

// Commits for ever and prints each revision once it was acknowledged: to be killed in the middle.
const store = await sqliteStore(process.argv[2] ?? '');
const { epoch } = await store.lead();
for (let i = 1; ; i++) {
  const id = `cluster-${i}`;
  const put = {
    kind: 'cluster',
    name: id,
    admission: 'ADMITTED',
    membership: 'm',
    drainPercent: 0,
    drainScope: 'ALL',
    drainDeadline: undefined,
    trustDomain: defaultTrustDomain,
    joinedAt: i,
    namespaces: undefined,
    network: undefined,
  } as const;
  const audit = {
    id,
    at: i,
    actor: 'writer',
    action: 'test',
    subject: id,
    reason: '',
    outcome: '{}',
    idempotencyKey: '',
  };
  const result = await store.commit({ writes: [{ put, id, expected: 0 }], audit, fence: epoch });
  if (result.kind === 'committed') process.stdout.write(`${result.revision}\n`);
}
