import { builder } from '../builder.ts';
import { apiError, pageOfSorted } from '../pages.ts';
import { needs } from '../roles.ts';
import { severityType } from '../types/common.ts';
import { pageArguments } from '../types/connection.ts';
import { findingConnection } from '../types/finding.ts';

builder.queryField('insights', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: findingConnection,
    description:
      'Every condition of the federation with its cause and its remedy, gravest first: of the hub, clusters, services, policies, trust, and what is in force.',
    args: {
      ...pageArguments,
      cluster: t.arg.string({ description: 'Only those of this cluster.' }),
      namespace: t.arg.string({ description: 'Only those of objects in this namespace.' }),
      severity: t.arg({ type: [severityType], description: 'Only those of one of these severities.' }),
    },
    resolve: (_root, { cluster, namespace, severity, ...args }, { snapshot, insights, ofHub }) => {
      if (cluster != null && !snapshot.intent.clusters.has(cluster))
        throw apiError('NOT_FOUND', `no cluster '${cluster}' is known: isthmus clusters lists them`);
      const all = args.after ? insights.ofLastLook(ofHub()) : insights.current(ofHub());
      const wanted = all.filter(
        ({ finding: one }) =>
          (cluster == null || one.cluster === cluster) &&
          (namespace == null || one.namespace === namespace) &&
          (severity == null || severity.includes(one.severity)),
      );
      return pageOfSorted(wanted, args, ({ finding }) => finding);
    },
  }),
);
