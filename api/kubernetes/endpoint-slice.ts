import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { EndpointSliceObject, Metadata } from './objects.ts';
import { isSpecialAddress, port, protocol } from './shapes.ts';

export const endpointSliceSchema = z
  .looseObject({
    addressType: z.enum(['IPv4', 'IPv6', 'FQDN']).optional(),
    ports: z
      .array(z.looseObject({ name: z.string().optional(), port: port.optional(), protocol }))
      .max(20_000)
      .optional(),
    endpoints: z
      .array(
        z.looseObject({
          addresses: z.array(z.string().max(253)).max(100),
          conditions: z.looseObject({ ready: z.boolean().optional() }).optional(),
          nodeName: z.string().optional(),
          zone: z.string().optional(),
          targetRef: z
            .looseObject({
              kind: z.string().optional(),
              namespace: z.string().optional(),
              name: z.string().optional(),
            })
            .optional(),
        }),
      )
      .max(1000)
      .optional(),
  })
  .superRefine(({ addressType, endpoints = [] }, context) => {
    if (addressType === 'FQDN') return;
    for (const [i, { addresses }] of endpoints.entries())
      for (const [j, address] of addresses.entries()) {
        const message = addressProblem(address);
        if (message !== undefined)
          context.addIssue({ code: 'custom', path: ['endpoints', i, 'addresses', j], message });
      }
  });

function addressProblem(address: string): string | undefined {
  if (canonicalAddress(address) === undefined) return 'must be an IP address';
  return isSpecialAddress(address)
    ? 'must be the address of one endpoint: it is unspecified, localhost, link-local or multicast'
    : undefined;
}

/**
 * As istiod reads it (ambient/workloads.go, endpointSlicesBuilder): names in DNS are no endpoints, and neither UDP nor
 * a port without a number is served.
 */
export function readSlice(
  { addressType, ports = [], endpoints = [] }: z.infer<typeof endpointSliceSchema>,
  metadata: Metadata,
): EndpointSliceObject {
  return {
    kind: 'EndpointSlice',
    metadata,
    service: metadata.labels['kubernetes.io/service-name'] ?? '',
    ports: ports
      .filter((one) => (one.protocol ?? 'TCP') === 'TCP')
      .flatMap(({ name, port: number }) =>
        number === undefined ? [] : [{ name: name ?? '', port: number }],
      ),
    endpoints: (addressType === 'FQDN' ? [] : endpoints).map(
      ({ addresses, conditions, nodeName = '', zone = '', targetRef }) => ({
        addresses: addresses.flatMap((one) => canonicalAddress(one) ?? []),
        ready: conditions?.ready ?? true,
        nodeName,
        zone,
        pod:
          targetRef?.kind === 'Pod' && targetRef.name !== undefined
            ? `${targetRef.namespace ?? metadata.namespace}/${targetRef.name}`
            : '',
      }),
    ),
  };
}
