import { X509Certificate } from 'node:crypto';
import type { Diversion } from '@isthmus/api/domain/directive.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { diversion as codec } from '@isthmus/api/wire/link.ts';
import { encodeIntermediate } from '@isthmus/api/wire/trust.ts';
import type { Intermediate } from '@isthmus/mesh/identity/issuers.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { IntentState } from '../state/snapshot.ts';

/** The version under which agents report a diversion. */
export const diversionVersion = (diversion: Diversion): string => contentVersion(codec.encode(diversion));

/** An intermediate as every verifier gets it, with the namespaces that an operator set for its cluster. */
export const intermediateOf = (record: IntermediateRecord, { clusters }: IntentState): Intermediate => ({
  keyId: record.keyId,
  trustDomain: record.trustDomain as TrustDomain,
  cluster: record.cluster,
  certificate: new X509Certificate(record.certificatePem),
  revoked: record.revoked,
  namespaces: clusters.get(record.cluster)?.value.namespaces,
});

export const intermediateVersion = (record: IntermediateRecord, intent: IntentState): string =>
  contentVersion(encodeIntermediate(intermediateOf(record, intent)));
