import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import { maxAffinitySeconds } from '../domain/global-properties.ts';
import type { IpFamilies } from '@isthmus/mesh/records/service.ts';
import type { Finding } from '../domain/rejection.ts';
import type { Metadata, ServiceObject } from './objects.ts';
import { labels, port, portName, portReference, protocol } from './shapes.ts';

const affinityConfig = z.looseObject({
  clientIP: z.looseObject({ timeoutSeconds: z.int().min(1).max(maxAffinitySeconds).optional() }).optional(),
});

/** What the API server makes of a ClientIP without a time. */
const defaultAffinitySeconds = 10_800;

export const serviceSchema = z.looseObject({
  spec: z.looseObject({
    type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', '']).optional(),
    selector: labels,
    clusterIP: z.string().optional(),
    clusterIPs: z.array(z.string()).optional(),
    ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).optional(),
    publishNotReadyAddresses: z.boolean().optional(),
    trafficDistribution: z.string().optional(),
    internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
    // Nothing is refused for what is only declared to other clusters.
    sessionAffinity: z.string().optional().catch(undefined),
    sessionAffinityConfig: affinityConfig.optional().catch(undefined),
    ports: z
      .array(
        z.looseObject({
          name: portName.optional(),
          port,
          // 0 and the empty name stand for the port itself.
          targetPort: z.literal([0, '']).or(portReference).optional(),
          appProtocol: z.string().optional(),
          protocol,
        }),
      )
      .max(1000)
      .optional(),
  }),
});

type Raw = z.infer<typeof serviceSchema>;

export function readService({ spec }: Raw, metadata: Metadata): ServiceObject {
  const written = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  const isExternal = spec.type === 'ExternalName';
  return {
    kind: 'Service',
    metadata,
    type: spec.type === undefined || spec.type === '' ? 'ClusterIP' : spec.type,
    // A selector of an ExternalName selects nothing: it is an alias of a name in DNS.
    selector: isExternal ? {} : (spec.selector ?? {}),
    // UDP is never carried in a tunnel.
    otherPorts: (spec.ports ?? []).flatMap(({ name = '', port: number, protocol: word, appProtocol = '' }) =>
      word === 'UDP' || word === 'SCTP' ? [{ name, port: number, protocol: word, appProtocol }] : [],
    ),
    affinitySeconds: affinityOf(spec),
    ports: (spec.ports ?? [])
      .filter((one) => (one.protocol ?? 'TCP') === 'TCP')
      .map(({ name = '', port: number, targetPort, appProtocol = '' }) => ({
        name,
        port: number,
        targetPort: targetPort === undefined || targetPort === 0 || targetPort === '' ? number : targetPort,
        appProtocol,
      })),
    clusterIPs: written.flatMap((one) => canonicalAddress(one) ?? []),
    headless: written.includes('None'),
    ipFamilies: familiesOf(spec.ipFamilies ?? []),
    publishNotReadyAddresses: spec.publishNotReadyAddresses ?? false,
    trafficDistribution: spec.trafficDistribution ?? '',
    internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster',
  };
}

const affinityOf = ({ sessionAffinity, sessionAffinityConfig }: Raw['spec']): number =>
  sessionAffinity === 'ClientIP'
    ? (sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
    : 0;

function familiesOf(written: readonly ('IPv4' | 'IPv6')[]): IpFamilies {
  const [ipv4, ipv6] = [written.includes('IPv4'), written.includes('IPv6')];
  if (ipv4) return ipv6 ? 'DUAL' : 'IPV4_ONLY';
  return ipv6 ? 'IPV6_ONLY' : 'AUTOMATIC';
}

/** What of an ExternalName does nothing: it is an alias in DNS, which Kubernetes alone serves. */
export function withoutEffect(
  { spec }: Raw,
  { labels: { 'istio.io/global': global } }: Metadata,
): readonly Finding[] {
  if (spec.type !== 'ExternalName') return [];
  const finding = (field: string, message: string): Finding => ({
    code: 'NO_EFFECT',
    severity: 'WARNING',
    field,
    message,
  });
  const why = 'has no effect: an ExternalName is a name in DNS and has no endpoints';
  return [
    ...(global === 'true' ? [finding('metadata.labels.istio.io/global', `${why} to export`)] : []),
    ...(Object.keys(spec.selector ?? {}).length > 0 ? [finding('spec.selector', why)] : []),
  ];
}
