import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import { builder } from '../builder.ts';
import { pageOfKeys } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { serviceConnection, serviceType, serviceView } from '../types/service.ts';

builder.queryFields((t) => ({
  services: t.field({
    ...needs('ADMIN'),
    type: serviceConnection,
    args: { ...pageArguments, namespace: t.arg.string() },
    resolve: (_root, { namespace, ...args }, { snapshot }) =>
      pageOfKeys(snapshot.index.exports.keys, namespace ? `${namespace}/` : '', args, (key) =>
        serviceView(snapshot, key),
      ),
  }),
  service: t.field({
    ...needs('ADMIN'),
    type: serviceType,
    nullable: true,
    args: { namespace: t.arg.string({ required: true }), name: t.arg.string({ required: true }) },
    resolve: (_root, service, { snapshot }) => serviceView(snapshot, formatServiceKey(service)),
  }),
}));
