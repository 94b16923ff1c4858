import { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { GatewayClassObject, GatewayObject, Metadata } from './objects.ts';
import { rootNamespace } from './root-namespace.ts';
import { port } from './shapes.ts';

const addresses = z
  .array(z.looseObject({ type: z.string().max(253).optional(), value: z.string().max(253).optional() }))
  .max(64)
  .optional();

export const gatewaySchema = z.looseObject({
  spec: z.looseObject({
    gatewayClassName: z.string().min(1).max(253),
    listeners: z
      .array(
        z.looseObject({
          port,
          protocol: z.string().max(255),
          tls: z.looseObject({ mode: z.string().max(63).optional() }).optional(),
        }),
      )
      .max(64)
      .optional(),
    addresses,
  }),
  status: z.looseObject({ addresses }).optional(),
});

export const gatewayClassSchema = z.looseObject({
  spec: z.looseObject({ controllerName: z.string().min(1).max(253) }),
});

type Raw = z.infer<typeof gatewaySchema>;

/** Istio's class of east-west gateways, and the controller of such classes. */
export const eastWestClass = 'istio-east-west';
export const eastWestController = 'istio.io/eastwest-controller';
/** Istio's class of gateways that are in another cluster and described here. */
const remoteClass = 'istio-remote';
/** Which network a gateway leads into. */
const networkLabel = 'topology.istio.io/network';

/** The Gateway API's Gateway, with what is used of an east-west one. */
export function readGateway({ spec, status }: Raw, metadata: Metadata): GatewayObject {
  const listeners = spec.listeners ?? [];
  const portOf = (isMeant: (one: (typeof listeners)[number]) => boolean) =>
    listeners.find(isMeant)?.port ?? 0;
  const given = ipsOf(status?.addresses);
  return {
    kind: 'Gateway',
    metadata,
    className: spec.gatewayClassName,
    network: metadata.labels[networkLabel] ?? '',
    hbonePort: portOf(({ protocol }) => protocol === 'HBONE'),
    passthroughPort: portOf(({ protocol, tls }) => protocol === 'TLS' && tls?.mode === 'Passthrough'),
    addresses: given.length > 0 ? given : ipsOf(spec.addresses),
  };
}

export const readGatewayClass = (
  { spec }: z.infer<typeof gatewayClassSchema>,
  metadata: Metadata,
): GatewayClassObject => ({ kind: 'GatewayClass', metadata, controllerName: spec.controllerName });

const ipsOf = (written: Raw['spec']['addresses'] = []): readonly string[] => [
  ...new Set(written.flatMap(({ value = '' }) => canonicalAddress(value) ?? [])),
];

/** What of a Gateway has no effect, and why. */
export function gatewayFindings({ spec, status }: Raw, metadata: Metadata): readonly Finding[] {
  const { gatewayClassName } = spec;
  if (gatewayClassName === remoteClass)
    return [
      notApplied(
        'spec.gatewayClassName',
        'is not applied: a Gateway of class istio-remote describes a gateway of another cluster, and the hub sends the gateways of all member clusters; join that cluster and delete this Gateway',
      ),
    ];
  if (gatewayClassName !== eastWestClass) return [otherClass(gatewayClassName)];
  const gateway = readGateway({ spec, status }, metadata);
  return [
    ...(metadata.namespace === rootNamespace ? [] : [notInRoot]),
    ...(gateway.network === '' ? [withoutNetwork] : []),
    ...(gateway.hbonePort + gateway.passthroughPort === 0 ? [withoutListener] : []),
    ...hostnames('spec', spec.addresses),
    ...hostnames('status', status?.addresses),
  ];
}

const otherClass = (name: string): Finding => ({
  code: 'SKIPPED',
  severity: 'INFO',
  field: 'spec.gatewayClassName',
  message: `Isthmus uses Gateways of class ${eastWestClass}, and of classes whose GatewayClass has the controller ${eastWestController}; it does not use class ${name.slice(0, 100)} itself`,
});

const notInRoot = notApplied(
  'metadata.namespace',
  `an east-west gateway is used in ${rootNamespace} only, as what enters a network is not for each namespace to say: move the Gateway there`,
);

const withoutNetwork = notApplied(
  `metadata.labels.${networkLabel}`,
  'is missing: without it nobody knows which network this gateway leads into, and the hub does not receive it; add the label',
);

const withoutListener = notApplied(
  'spec.listeners',
  'has no listener of protocol HBONE, and none of protocol TLS with mode Passthrough: add one, such as port 15008 with protocol HBONE',
);

const hostnames = (part: string, written: Raw['spec']['addresses'] = []): readonly Finding[] =>
  written.flatMap(({ value = '' }, i) =>
    value === '' || canonicalAddress(value) !== undefined
      ? []
      : [
          notApplied(
            `${part}.addresses[${i}]`,
            'is not applied: other clusters dial a gateway at an IP address, and this is a name; give the load balancer an IP address',
          ),
        ],
  );
