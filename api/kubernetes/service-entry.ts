import { z } from 'zod';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import { parseSpiffeId } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { Metadata, ServiceEntryObject, WrittenWorkload } from './objects.ts';
import { hostName, labels, port, portName } from './shapes.ts';
import {
  readWrittenWorkload,
  resolved,
  takesHbone,
  writtenWorkloadFindings,
  writtenWorkloadSchema,
} from './written-workload.ts';

/** Of Istio's own schema. */
const [maxHosts, maxPorts, maxEndpoints] = [256, 256, 4096];

/** A name, or `*.` before a name. */
const host = z
  .string()
  .max(253)
  .refine(
    (text) => hostName.safeParse(text.replace(/^\*\./, '')).success,
    'must be the name of a host, or *. and a name; * alone would be every host',
  );

const virtualAddress = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    const block = parseBlock(text);
    const message = !block.ok
      ? 'must be an IP address or a block of them, such as 240.1.0.0/24'
      : block.value.prefix === 0
        ? 'must not be all addresses: every connection that leaves the mesh would go to this entry'
        : undefined;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const spec = z.looseObject({
  hosts: z.array(host).min(1, 'must name at least one host').max(maxHosts),
  addresses: z.array(virtualAddress).max(maxHosts).optional(),
  ports: z
    .array(
      z.looseObject({
        number: port,
        name: portName.optional(),
        protocol: z.string().max(256).optional(),
        targetPort: z.union([z.literal(0), port]).optional(),
      }),
    )
    .max(maxPorts)
    .optional(),
  location: z.enum(['MESH_EXTERNAL', 'MESH_INTERNAL']).optional(),
  resolution: z.enum(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']).optional(),
  endpoints: z.array(writtenWorkloadSchema).max(maxEndpoints).optional(),
  workloadSelector: z.looseObject({ labels }).optional(),
  exportTo: z.array(z.string().max(253)).max(maxHosts).optional(),
  subjectAltNames: z.array(z.string().max(2048)).max(maxHosts).optional(),
});

type Spec = z.infer<typeof spec>;

/** What Istio refuses too (validation of ServiceEntry), as nobody knows what would be meant. */
export const serviceEntrySchema = z.looseObject({
  spec: spec.superRefine(({ resolution = 'NONE', hosts, endpoints = [], workloadSelector }, context) => {
    const refuse = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (endpoints.length > 0 && workloadSelector)
      refuse(['endpoints'], 'must not be there beside workloadSelector: remove one of the two');
    if (endpoints.length > 0 && resolution === 'NONE')
      refuse(
        ['endpoints'],
        'must not be there with resolution NONE, which dials what the client dials: write STATIC',
      );
    if (resolution === 'STATIC')
      for (const [i, one] of endpoints.entries())
        if (readWrittenWorkload(one).hostname !== '')
          refuse(['endpoints', i, 'address'], 'must be an IP address where the resolution is STATIC');
    if (resolution !== 'NONE' && resolution !== 'DYNAMIC_DNS' && endpoints.length === 0 && !workloadSelector)
      for (const [i, one] of hosts.entries())
        if (one.startsWith('*'))
          refuse(
            ['hosts', i],
            `must be one host where the resolution is ${resolution} and there are no endpoints`,
          );
  }),
});

/** Whose clients see the entry; undefined: nobody does. */
function visibilityOf({ exportTo = [] }: Spec, namespace: string): 'PUBLIC' | 'NAMESPACE' | undefined {
  if (exportTo.length === 0 || exportTo.includes('*')) return 'PUBLIC';
  return exportTo.every((one) => one === '~') ? undefined : isOwn(namespace, exportTo);
}

/** Whatever else is listed, only the entry's own namespace can be let in by the protocol of proxies. */
const isOwn = (namespace: string, exportTo: readonly string[]): 'NAMESPACE' | undefined =>
  exportTo.some((one) => one === '.' || one === namespace) ? 'NAMESPACE' : undefined;

/** Istio's ServiceEntry: hosts that are no Service, and what serves them. */
export function readServiceEntry(
  { spec: said }: z.infer<typeof serviceEntrySchema>,
  metadata: Metadata,
): ServiceEntryObject {
  const visibility = visibilityOf(said, metadata.namespace);
  const hosts = said.hosts.map((one) => one.toLowerCase());
  const { resolution = 'NONE' } = said;
  return {
    kind: 'ServiceEntry',
    metadata,
    hosts: visibility ? [...new Set(hosts)].sort() : [],
    addresses: (said.addresses ?? []).flatMap(readAddress),
    ports: (said.ports ?? [])
      .filter(isCarried)
      .map(({ number, name = '', targetPort }) => ({ name, port: number, targetPort: targetPort || number })),
    resolution: resolution === 'NONE' || resolution === 'STATIC' ? resolution : 'DNS',
    endpoints: unique((said.endpoints ?? []).map((one) => readWrittenWorkload(one))),
    selector: said.workloadSelector?.labels ?? {},
    hbone: takesHbone(metadata),
    visibility: visibility ?? 'NAMESPACE',
    subjectAltNames: (said.subjectAltNames ?? []).filter((one) => parseSpiffeId(one).ok),
  };
}

/** One address alone is no block. */
function readAddress(text: string): ServiceEntryObject['addresses'] {
  const block = parseBlock(text);
  if (!block.ok) return [];
  const { address, prefix } = block.value;
  return [{ address, prefix: prefix === (address.includes(':') ? 128 : 32) ? undefined : prefix }];
}

/** UDP is never carried in a tunnel. */
const isCarried = ({ protocol = 'TCP' }: { readonly protocol?: string | undefined }): boolean =>
  protocol.toUpperCase() !== 'UDP';

/** By its address an endpoint is named, so it is one. */
const unique = (endpoints: readonly WrittenWorkload[]): readonly WrittenWorkload[] =>
  [...new Map(endpoints.toReversed().map((one) => [one.address || one.hostname, one])).values()].toReversed();

/** What of a ServiceEntry is not applied, and why. */
export function serviceEntryFindings(
  { spec: said }: z.infer<typeof serviceEntrySchema>,
  metadata: Metadata,
): readonly Finding[] {
  const endpoints = said.endpoints ?? [];
  const isResolved = /DNS/.test(said.resolution ?? '');
  return [
    ...(metadata.labels['istio.io/global'] === 'true' ? [notExported] : []),
    ...(isResolved ? [resolved('spec.resolution')] : []),
    ...((said.addresses ?? []).length === 0 ? [withoutAddress] : []),
    ...(said.ports ?? []).flatMap((one, i) => (isCarried(one) ? [] : [udp(`spec.ports[${i}].protocol`)])),
    ...(isResolved
      ? []
      : endpoints.flatMap((one, i) => writtenWorkloadFindings(one, `spec.endpoints[${i}].`))),
    ...repeated(endpoints),
    ...exportFindings(said, metadata.namespace),
    ...(said.subjectAltNames ?? []).flatMap((one, i) => nameFinding(one, `spec.subjectAltNames[${i}]`)),
  ];
}

const notExported = notApplied(
  'metadata.labels.istio.io/global',
  'is not applied: a ServiceEntry is not exported, as what it names is reached from each cluster by itself; write the entry in each cluster, or a Service to export',
);

const withoutAddress = notApplied(
  'spec.addresses',
  'has none: where proxies capture what pods send to addresses, as in Kubernetes, connections to these hosts are not matched, and go where they would go without this entry; write an address',
);

const udp = (field: string): Finding =>
  notApplied(field, 'is not applied: UDP is not carried by proxies; what is sent there goes its own way');

function repeated(endpoints: readonly z.infer<typeof writtenWorkloadSchema>[]): readonly Finding[] {
  const names = endpoints.map((one) => readWrittenWorkload(one)).map((one) => one.address || one.hostname);
  return names.flatMap((name, i) =>
    name !== '' && names.indexOf(name) < i
      ? [
          notApplied(
            `spec.endpoints[${i}].address`,
            'is not applied: another endpoint of this entry has this address; give both ports in one endpoint',
          ),
        ]
      : [],
  );
}

function exportFindings({ exportTo = [] }: Spec, namespace: string): readonly Finding[] {
  if (exportTo.includes('*')) return [];
  const [other] = exportTo.filter((one) => !['.', '~', namespace].includes(one));
  if (other === undefined) return [];
  const seen = isOwn(namespace, exportTo) ? `only namespace ${namespace} sees` : 'nobody sees';
  return [
    notApplied(
      'spec.exportTo',
      `is not applied for other namespaces, such as ${other}: proxies know of a service for all namespaces or for its own, so ${seen} this entry; write "*", or an entry in each of these namespaces`,
    ),
  ];
}

const nameFinding = (name: string, field: string): readonly Finding[] => [
  notApplied(
    field,
    parseSpiffeId(name).ok
      ? 'is applied by Istio’s own ztunnel alone: proxies of Isthmus expect the identity of the endpoint itself'
      : 'is not applied: between proxies an identity is a SPIFFE ID, such as spiffe://cluster.local/ns/shop/sa/cart',
  ),
];
