import type { Finding } from '../../insights/finding.ts';
import { builder } from '../builder.ts';
import { severityType } from './common.ts';
import { connectionOf } from './connection.ts';

const findingType = builder.objectRef<Finding>('Finding').implement({
  description: 'A fault, or the effect of an action that is in force.',
  fields: (t) => ({
    severity: t.expose('severity', { type: severityType }),
    reason: t.exposeString('reason', { description: 'UPPER_SNAKE, stable: NO_HEALTHY_ENDPOINT.' }),
    cluster: t.string({
      nullable: true,
      description: 'The cluster in which it holds; null: the hub, or the whole federation.',
      resolve: ({ cluster }) => (cluster === '' ? undefined : cluster),
    }),
    namespace: t.string({
      nullable: true,
      description: 'The namespace of the object; null when it is in none.',
      resolve: ({ namespace }) => (namespace === '' ? undefined : namespace),
    }),
    object: t.exposeString('object', { description: 'What is affected, e.g. "Pod shop/cart-1".' }),
    message: t.exposeString('message', { description: 'What happened, and why.' }),
    remedy: t.exposeString('remedy', { description: 'What to do about it.' }),
  }),
});

export const findingConnection = connectionOf('Finding', findingType);
