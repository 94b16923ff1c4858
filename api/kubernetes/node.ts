import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { Metadata, NodeObject } from './objects.ts';

export const nodeSchema = z.looseObject({
  status: z
    .looseObject({ addresses: z.array(z.looseObject({ type: z.string(), address: z.string() })).optional() })
    .optional(),
});

export function readNode({ status }: z.infer<typeof nodeSchema>, metadata: Metadata): NodeObject {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  return {
    kind: 'Node',
    metadata,
    address: canonicalAddress(address) ?? '',
    region: metadata.labels['topology.kubernetes.io/region'] ?? '',
    zone: metadata.labels['topology.kubernetes.io/zone'] ?? '',
    subzone: metadata.labels['topology.istio.io/subzone'] ?? '',
  };
}
