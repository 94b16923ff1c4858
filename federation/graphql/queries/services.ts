import { builder } from '../builder.ts';
import { page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { serviceConnection, serviceKeys, serviceType, serviceView } from '../types/service.ts';

builder.queryFields((t) => ({
  services: t.field({
    ...needs('ADMIN'),
    type: serviceConnection,
    args: { ...pageArguments, namespace: t.arg.string() },
    resolve: (_root, { namespace, ...args }, { snapshot }) => {
      const inNamespace = namespace ? `${namespace}/` : '';
      const shown = [...serviceKeys(snapshot)].flatMap((key) => {
        const view = key.startsWith(inNamespace) ? serviceView(snapshot, key) : undefined;
        return view ? [{ key, view }] : [];
      });
      return page(
        shown,
        ({ key }) => key,
        args,
        ({ view }) => view,
      );
    },
  }),
  service: t.field({
    ...needs('ADMIN'),
    type: serviceType,
    nullable: true,
    args: { namespace: t.arg.string({ required: true }), name: t.arg.string({ required: true }) },
    resolve: (_root, { namespace, name }, { snapshot }) => serviceView(snapshot, `${namespace}/${name}`),
  }),
}));
