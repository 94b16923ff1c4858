import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { refuse } from '../command/refuse.ts';

/** Records an intermediate that was signed, before anyone is told of it. */
export const recordIntermediate: Command<IntermediateRecord, { keyId: string }> = {
  name: 'signIntermediate',
  decide(snapshot, record) {
    const member = snapshot.intent.clusters.get(record.cluster)?.value;
    if (member?.admission !== 'ADMITTED')
      return refuse('DENIED', 'cluster', `${record.cluster} is no member`);
    const { keyId } = record;
    return ok({
      subject: `intermediate/${keyId}`,
      writes: [{ put: record, id: keyId, expected: undefined }],
      payload: { keyId },
      warnings: [],
    });
  },
};

/** Lets an intermediate sign, once every verifier has acknowledged it. */
export const activateIntermediate: Command<{ keyId: string }, { keyId: string }> = {
  name: 'activateIntermediate',
  decide(snapshot, { keyId }) {
    const stored = snapshot.intent.intermediates.get(keyId);
    if (!stored) return refuse('NOT_FOUND', 'keyId', `no intermediate ${keyId}`);
    const writes = [{ put: { ...stored.value, activated: true }, id: keyId, expected: stored.revision }];
    return ok({ subject: `intermediate/${keyId}`, writes, payload: { keyId }, warnings: [] });
  },
};
