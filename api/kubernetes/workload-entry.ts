import { z } from 'zod';
import type { Metadata, WorkloadEntryObject } from './objects.ts';
import { readWrittenWorkload, takesHbone, writtenWorkloadSchema } from './written-workload.ts';

export const workloadEntrySchema = z.looseObject({
  spec: writtenWorkloadSchema,
  status: z
    .looseObject({
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string() }))
        .max(100)
        .optional(),
    })
    .optional(),
});

/** Labels are those of the metadata with those of the spec over them. One whose health is not reported is healthy. */
export function readWorkloadEntry(
  { spec, status }: z.infer<typeof workloadEntrySchema>,
  metadata: Metadata,
): WorkloadEntryObject {
  const workload = readWrittenWorkload(spec, metadata.labels);
  return {
    kind: 'WorkloadEntry',
    metadata,
    workload,
    hbone: takesHbone({ labels: workload.labels, annotations: metadata.annotations }),
    healthy: !status?.conditions?.some((one) => one.type === 'Healthy' && one.status === 'False'),
  };
}
