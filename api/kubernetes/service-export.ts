import { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { Metadata, ServiceExportObject } from './objects.ts';
import { exportedMap } from './shapes.ts';

export const serviceExportSchema = z.looseObject({
  spec: z.looseObject({ exportedLabels: exportedMap, exportedAnnotations: exportedMap }).optional(),
});

type Raw = z.infer<typeof serviceExportSchema>;

/** The ServiceExport of KEP-1645: its name and namespace are those of the Service that is to be exported. */
export const readServiceExport = (metadata: Metadata): ServiceExportObject => ({
  kind: 'ServiceExport',
  metadata,
});

/** What other clusters do not receive of the service. */
export const notExported = ({ spec }: Raw): readonly Finding[] =>
  (['exportedLabels', 'exportedAnnotations'] as const)
    .filter((field) => Object.keys(spec?.[field] ?? {}).length > 0)
    .map((field) =>
      notApplied(
        `spec.${field}`,
        'is not applied: other clusters receive the endpoints and identities of the service and what its spec says of its use, and no labels or annotations; remove it',
      ),
    );
