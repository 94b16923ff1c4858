import type { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { Finding } from '../domain/rejection.ts';
import type { Metadata, PodObject } from './objects.ts';
import { readProbe } from './probe.ts';
import type * as schemas from './schemas.ts';

/** A pod, with what of its readiness probes is not acted on. */
export function readPod(
  { metadata: raw, spec, status }: z.infer<typeof schemas.pod>,
  metadata: Metadata,
): { readonly object: PodObject; readonly findings: readonly Finding[] } {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const { probe, findings } = readProbe(spec.containers);
  const object: PodObject = {
    ...{ kind: 'Pod', metadata, nodeName: spec.nodeName ?? '' },
    serviceAccount: spec.serviceAccountName ?? 'default',
    ...{ podIP: canonicalAddress(status?.podIP ?? '') ?? '', hostNetwork: spec.hostNetwork ?? false },
    ports: spec.containers.flatMap(({ ports = [] }) =>
      ports.map(({ name = '', containerPort }) => ({ name, port: containerPort })),
    ),
    readinessProbe: probe,
    ready: condition === undefined ? undefined : condition === 'True',
    deleted: raw['deletionTimestamp'] !== undefined,
  };
  return { object, findings };
}
