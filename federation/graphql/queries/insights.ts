import { orderOf } from '../../insights/finding.ts';
import { findings } from '../../insights/findings.ts';
import { builder } from '../builder.ts';
import { apiError, page } from '../pages.ts';
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
    resolve: (_root, { cluster, namespace, severity, ...args }, { snapshot, clock, checks }) => {
      if (cluster != null && !snapshot.intent.clusters.has(cluster))
        throw apiError('NOT_FOUND', `no cluster '${cluster}' is known: isthmus clusters lists them`);
      const wanted = findings(snapshot, clock.now(), checks()).filter(
        (one) =>
          (cluster == null || one.cluster === cluster) &&
          (namespace == null || one.namespace === namespace) &&
          (severity == null || severity.includes(one.severity)),
      );
      return page(wanted, orderOf, args, (one) => one);
    },
  }),
);
