import type { Rejection, RejectionCounts } from '@isthmus/api/domain/rejection.ts';
import { builder } from '../builder.ts';
import { severityType } from './common.ts';
import { connectionOf } from './connection.ts';

export const rejectionType = builder.objectRef<Rejection>('Rejection').implement({
  description: 'A part of a cluster’s manifests that Isthmus does not apply.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'UPPER_SNAKE, stable: INVALID_FIELD.' }),
    severity: t.expose('severity', {
      type: severityType,
      description:
        'ERROR: the object is refused. WARNING: it is taken without a part. INFO: its kind is not used.',
    }),
    object: t.exposeString('object', {
      description: 'E.g. "Service shop/cart"; the file, when nothing could be read of it.',
    }),
    field: t.exposeString('field', { description: 'The path within the object; empty: the whole.' }),
    message: t.exposeString('message', { description: 'What is wrong, and what to do about it.' }),
    file: t.exposeString('file', {
      description: 'Below the folder of manifests; empty: it comes from no file.',
    }),
    line: t.exposeInt('line', { description: 'Where the object begins, from 1; 0: not known.' }),
  }),
});

export const rejectionCountsType = builder.objectRef<RejectionCounts>('RejectionCounts').implement({
  description: 'How many rejections a cluster has, by severity.',
  fields: (t) => ({
    errors: t.int({ resolve: ({ ERROR }) => ERROR }),
    warnings: t.int({ resolve: ({ WARNING }) => WARNING }),
    infos: t.int({ resolve: ({ INFO }) => INFO }),
  }),
});

export const rejectionConnection = connectionOf('Rejection', rejectionType);
