import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { Finding } from '../domain/rejection.ts';
import type { Metadata, PodObject } from './objects.ts';
import { probeSchema, readProbes } from './probe.ts';
import { applicationAddress, podAddress, port, containerPortName, protocol, subdomain } from './shapes.ts';
import { workloadNameOf } from './workload-name.ts';

const container = z.looseObject({
  name: z.string().optional(),
  restartPolicy: z.string().optional(),
  ports: z
    .array(
      z.looseObject({ name: containerPortName.or(z.literal('')).optional(), containerPort: port, protocol }),
    )
    .max(1000)
    .optional(),
  readinessProbe: probeSchema.optional(),
});

export type Container = z.infer<typeof container>;

export const podSchema = z.looseObject({
  spec: z.looseObject({
    nodeName: z.union([z.literal(''), subdomain], 'must be a DNS name in lower case').optional(),
    serviceAccountName: z.union([z.literal(''), subdomain], 'must be a DNS name in lower case').optional(),
    serviceAccount: z.union([z.literal(''), subdomain], 'must be a DNS name in lower case').optional(),
    hostNetwork: z.boolean().optional(),
    containers: z.array(container).min(1, 'must have at least one container').max(100),
    initContainers: z.array(container).max(100).optional(),
  }),
  metadata: z.looseObject({
    generateName: z.string().optional(),
    annotations: z.looseObject({ 'isthmus.io/app-address': applicationAddress.optional() }).optional(),
    ownerReferences: z
      .array(
        z.looseObject({
          kind: z.string().optional(),
          name: z.string().optional(),
          controller: z.boolean().optional(),
        }),
      )
      .optional(),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      podIP: z.union([z.literal(''), podAddress], 'must be an IP address').optional(),
      podIPs: z
        .array(
          z.looseObject({ ip: z.union([z.literal(''), podAddress], 'must be an IP address').optional() }),
        )
        .optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
    })
    .optional(),
});

type Raw = z.infer<typeof podSchema>;

/** A pod, with what of its readiness probes is not acted on. */
export function readPod(
  { metadata: raw, spec, status }: Raw,
  metadata: Metadata,
): { readonly object: PodObject; readonly findings: readonly Finding[] } {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const containers = servingContainers(spec);
  const { probes, findings } = readProbes(containers);
  const addresses = addressesOf(status);
  const object: PodObject = {
    kind: 'Pod',
    metadata,
    nodeName: spec.nodeName ?? '',
    // The older name of the field is read where the newer one is empty, as the API server does.
    serviceAccount: [spec.serviceAccountName, spec.serviceAccount].find((name) => name) ?? 'default',
    podIP: addresses[0] ?? '',
    otherIPs: addresses.slice(1),
    appAddress: raw.annotations?.['isthmus.io/app-address'] ?? '',
    hostNetwork: spec.hostNetwork ?? false,
    ports: containers.flatMap(({ value: { ports = [] } }) =>
      ports
        .filter((one) => (one.protocol ?? 'TCP') === 'TCP')
        .map(({ name = '', containerPort }) => ({ name, port: containerPort })),
    ),
    readinessProbes: probes,
    ready: condition === undefined ? undefined : condition === 'True',
    deleted: raw['deletionTimestamp'] !== undefined,
    finished: status?.phase === 'Succeeded' || status?.phase === 'Failed',
    workloadName: workloadNameOf(metadata, raw),
  };
  return { object, findings };
}

/** A container that serves while the pod lives, and where it is written. */
export interface ServingContainer {
  readonly value: Container;
  readonly at: string;
}

/** Beside the containers those init containers that go on: native sidecars, whose ports are found after all others. */
function servingContainers({ containers, initContainers = [] }: Raw['spec']): readonly ServingContainer[] {
  return [
    ...containers.map((value, i) => ({ value, at: `spec.containers[${i}]` })),
    ...initContainers.flatMap((value, i) =>
      value.restartPolicy === 'Always' ? [{ value, at: `spec.initContainers[${i}]` }] : [],
    ),
  ];
}

/** podIPs has podIP as its first; either may stand alone. */
function addressesOf(status: Raw['status']): readonly string[] {
  const written = [status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip = '' }) => ip)];
  return [...new Set(written.flatMap((one) => canonicalAddress(one) ?? []))];
}
