import { builder } from '../builder.ts';
import { needs } from '../roles.ts';

const viewerType = builder
  .objectRef<{ readonly name: string; readonly roles: readonly string[]; readonly revision: number }>(
    'Viewer',
  )
  .implement({
    fields: (t) => ({
      name: t.exposeString('name'),
      roles: t.exposeStringList('roles'),
      revision: t.exposeInt('revision', {
        description: 'The store’s revision that this answer is made from.',
      }),
    }),
  });

builder.queryField('viewer', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: viewerType,
    resolve: (_root, _args, { viewer, roles, snapshot }) => ({
      name: viewer,
      roles,
      revision: snapshot.intent.revision,
    }),
  }),
);
