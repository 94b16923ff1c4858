import { X509Certificate } from 'node:crypto';
import type { TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import type { Now } from '../../state/now.ts';
import type { Stored } from '../../store/store.ts';
import { hasAcknowledged } from '../../trust/activation.ts';
import { builder, elements } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { stalenessOf, stalenessType } from './common.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export function trustDomainView(now: Now, { value }: Stored<TrustDomainRecord>) {
  const { intent, observed } = now;
  const acknowledged = (keyId: string) =>
    [...observed.values()]
      .filter(({ cluster }) => hasAcknowledged(cluster, keyId, now))
      .map((record) => ({ cluster: record.cluster, staleness: stalenessOf(record) }));
  return {
    __typename: 'TrustDomain',
    id: globalId('TrustDomain', value.name),
    name: value.name,
    sequence: value.sequence,
    rootNotAfter: Date.parse(new X509Certificate(value.rootCertificatePem).validTo),
    intermediates: [...intent.intermediates.values()]
      .filter((one) => one.value.trustDomain === value.name)
      .map((one) => ({ ...one.value, acknowledgements: acknowledged(one.value.keyId) })),
  };
}

export type TrustDomainView = ReturnType<typeof trustDomainView>;

const acknowledgementType = builder
  .objectRef<TrustDomainView['intermediates'][number]['acknowledgements'][number]>('Acknowledgement')
  .implement({
    fields: (t) => ({
      cluster: t.exposeString('cluster'),
      staleness: t.expose('staleness', { type: stalenessType }),
    }),
  });

const intermediateType = builder
  .objectRef<TrustDomainView['intermediates'][number]>('Intermediate')
  .implement({
    fields: (t) => ({
      keyId: t.exposeString('keyId'),
      cluster: t.exposeString('cluster'),
      notAfter: t.expose('notAfter', { type: 'DateTime' }),
      activated: t.exposeBoolean('activated'),
      revoked: t.exposeBoolean('revoked'),
      acknowledgedBy: t.stringList({
        description: 'Clusters whose connected proxies all hold this entry of the table.',
        resolve: ({ acknowledgements }) => acknowledgements.map(({ cluster }) => cluster),
      }),
      acknowledgements: t.expose('acknowledgements', {
        type: [acknowledgementType],
        nullable: elements,
        description: 'Acknowledgements per cluster, with the age of each report.',
      }),
    }),
  });

const trustDomainType = builder.objectRef<TrustDomainView>('TrustDomain').implement({
  interfaces: [nodeType],
  fields: (t) => ({
    name: t.exposeString('name'),
    sequence: t.exposeInt('sequence'),
    rootNotAfter: t.expose('rootNotAfter', { type: 'DateTime' }),
    intermediates: t.expose('intermediates', { type: [intermediateType], nullable: elements }),
  }),
});

export const trustDomainConnection = connectionOf('TrustDomain', trustDomainType);
