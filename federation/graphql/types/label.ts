import { builder } from '../builder.ts';

export const labelType = builder
  .objectRef<{ readonly key: string; readonly value: string }>('Label')
  .implement({ fields: (t) => ({ key: t.exposeString('key'), value: t.exposeString('value') }) });

export const labelsOf = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([key, value]) => ({ key, value }));
