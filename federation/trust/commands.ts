import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { refuse } from '../command/refuse.ts';
import type { Write } from '../store/store.ts';
import { readyToActivate } from './activation.ts';
import { auditSubject } from '../command/audit-subject.ts';

/**
 * Records an intermediate that was signed, before it is sent to anyone. A key is recorded once, so that a revoked one
 * does not come back; those of the cluster that were never activated have signed nothing, and make room.
 */
export const recordIntermediate: Command<IntermediateRecord, { keyId: string }> = {
  name: 'signIntermediate',
  decide({ intent }, record) {
    const member = intent.clusters.get(record.cluster)?.value;
    if (member?.admission !== 'ADMITTED')
      return refuse('PERMISSION_DENIED', 'cluster', `${record.cluster} is not a member`);
    const { keyId } = record;
    if (intent.intermediates.has(keyId))
      return refuse('BAD_CSR', 'csr', 'this key has an intermediate already: ask with a new key');
    const passedOver = [...intent.intermediates.values()]
      .filter(({ value }) => value.cluster === record.cluster && !value.activated && !value.revoked)
      .map(({ id, revision }): Write => ({ remove: 'intermediate', id, expected: revision }));
    return ok({
      subject: auditSubject('intermediate', keyId),
      writes: [{ put: record, id: keyId, expected: 0 }, ...passedOver],
      payload: { keyId },
      warnings: [],
    });
  },
};

/** Lets an intermediate sign, once every verifier has acknowledged it. */
export const activateIntermediate: Command<{ keyId: string }, { keyId: string }> = {
  name: 'activateIntermediate',
  decide(snapshot, { keyId }, { now }) {
    const stored = snapshot.intent.intermediates.get(keyId);
    if (!stored) return refuse('NOT_FOUND', 'keyId', `no intermediate ${keyId}`);
    if (!readyToActivate(stored.value, snapshot, now))
      return refuse('CONFLICT', 'keyId', `intermediate ${keyId} has yet to be acknowledged, or is revoked`);
    const writes = [{ put: { ...stored.value, activated: true }, id: keyId, expected: stored.revision }];
    return ok({ subject: auditSubject('intermediate', keyId), writes, payload: { keyId }, warnings: [] });
  },
};
