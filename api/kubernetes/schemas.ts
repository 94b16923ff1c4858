import { z } from 'zod';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';

// Shapes of foreign objects, as far as Isthmus acts on them. Kubernetes objects may bear any other field; in the
// specs of security policies an unknown field is refused, as a typo there must not open a door.

const dnsName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case');
const port = z.int().min(1).max(65_535);
/** A day: longer than any timer need be. */
const seconds = z.int().min(1).max(86_400).optional();
/** Names that end up in files of one `NAME=value` a line, and in SPIFFE IDs. */
const portName = z
  .string()
  .max(63)
  .regex(/^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)?$/, 'must be letters, digits and dashes');
const labels = z.record(z.string().max(317), z.string().max(63)).optional();

export const metadata = z.looseObject({
  name: dnsName,
  namespace: dnsName.optional(),
  uid: z.string().max(100).optional(),
  labels,
  annotations: z.record(z.string().max(317), z.string().max(262_144)).optional(),
  creationTimestamp: z.unknown().optional(),
  deletionTimestamp: z.string().nullish(),
});

export const frame = z.looseObject({ apiVersion: z.string().max(300), kind: z.string().max(100), metadata });

export const node = z.looseObject({
  status: z
    .looseObject({ addresses: z.array(z.looseObject({ type: z.string(), address: z.string() })).optional() })
    .optional(),
});

export const service = z.looseObject({
  spec: z.looseObject({
    type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).optional(),
    selector: labels,
    clusterIP: z.string().optional(),
    clusterIPs: z.array(z.string()).optional(),
    publishNotReadyAddresses: z.boolean().optional(),
    trafficDistribution: z.string().optional(),
    internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
    ports: z
      .array(
        z.looseObject({
          name: portName.optional(),
          port,
          targetPort: z.union([port, portName.min(1)]).optional(),
          appProtocol: z.string().optional(),
          protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
        }),
      )
      .max(1000)
      .optional(),
  }),
});

export const endpointSlice = z.looseObject({
  ports: z.array(z.looseObject({ name: z.string().nullish(), port: port.nullish() })).nullish(),
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(100),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).optional(),
        nodeName: z.string().optional(),
        zone: z.string().optional(),
      }),
    )
    .max(1000)
    .nullish(),
});

const probePort = z.union([port, portName.min(1)]);

const probe = z.looseObject({
  tcpSocket: z.looseObject({ port: probePort, host: z.string().optional() }).optional(),
  httpGet: z
    .looseObject({
      port: probePort,
      path: z
        .string()
        .max(2048)
        .regex(/^\/[!-~]*$/, 'must begin with / and hold neither spaces nor letters beyond ASCII')
        .optional(),
      scheme: z.enum(['HTTP', 'HTTPS']).optional(),
      host: z.string().optional(),
      httpHeaders: z.array(z.looseObject({})).optional(),
    })
    .optional(),
  exec: z.looseObject({}).optional(),
  grpc: z.looseObject({}).optional(),
  periodSeconds: seconds,
  timeoutSeconds: seconds,
  failureThreshold: z.int().min(1).max(1000).optional(),
  successThreshold: z.int().min(1).max(1000).optional(),
});

export const pod = z.looseObject({
  spec: z.looseObject({
    nodeName: dnsName.optional(),
    serviceAccountName: dnsName.optional(),
    hostNetwork: z.boolean().optional(),
    containers: z
      .array(
        z.looseObject({
          ports: z
            .array(z.looseObject({ name: portName.optional(), containerPort: port }))
            .max(1000)
            .optional(),
          readinessProbe: probe.optional(),
        }),
      )
      .min(1)
      .max(100),
  }),
  metadata: z.looseObject({
    annotations: z
      .looseObject({ 'isthmus.io/app-address': z.union([z.ipv4(), z.ipv6()]).optional() })
      .optional(),
  }),
  status: z
    .looseObject({
      podIP: z.union([z.ipv4(), z.ipv6()]).optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
    })
    .optional(),
});

const texts = z.array(z.string().min(1).max(2048)).max(1000).optional();
const isBlock = (text: string) => parseBlock(text).ok;
const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
const blocks = z.array(z.string().refine(isBlock, 'is no IP address or CIDR block')).max(1000).optional();
const ports = z.array(z.string().refine(isPort, 'is no port')).max(1000).optional();
const selector = z.strictObject({ matchLabels: labels }).optional();

/** Where nothing is set nothing is matched, so that a rule of a DENY would be lost without a word. */
const saysSomething = (value: object) =>
  Object.values(value).some((list: unknown) => Array.isArray(list) && list.length > 0);
const empty =
  'is empty and would match nothing: name what it shall match, or leave it out to match everything';

const source = z
  .strictObject({
    ...{ principals: texts, notPrincipals: texts, namespaces: texts, notNamespaces: texts },
    ...{ ipBlocks: blocks, notIpBlocks: blocks, serviceAccounts: texts, notServiceAccounts: texts },
    ...{ requestPrincipals: texts, notRequestPrincipals: texts },
    ...{ remoteIpBlocks: texts, notRemoteIpBlocks: texts },
  })
  .refine(saysSomething, empty);

const operation = z
  .strictObject({
    ...{ ports, notPorts: ports, hosts: texts, notHosts: texts },
    ...{ methods: texts, notMethods: texts, paths: texts, notPaths: texts },
  })
  .refine(saysSomething, empty);

/** What the values of a condition that an L4 proxy judges have to be. */
const valuesOf: Readonly<
  Record<string, { readonly is: (text: string) => boolean; readonly message: string }>
> = {
  'source.ip': { is: isBlock, message: 'is no IP address or CIDR block' },
  'destination.ip': { is: isBlock, message: 'is no IP address or CIDR block' },
  'destination.port': { is: isPort, message: 'is no port' },
};

const condition = z
  .strictObject({ key: z.string().min(1).max(300), values: texts, notValues: texts })
  .refine(saysSomething, 'needs values or notValues')
  .superRefine(({ key, values = [], notValues = [] }, context) => {
    const rule = valuesOf[key];
    if (!rule) return;
    for (const [field, list] of Object.entries({ values, notValues }))
      for (const [index, text] of list.entries())
        if (!rule.is(text)) context.addIssue({ code: 'custom', path: [field, index], message: rule.message });
  });

const rule = z.strictObject({
  from: z.array(z.strictObject({ source })).min(1).max(1000).optional(),
  to: z.array(z.strictObject({ operation })).min(1).max(1000).optional(),
  when: z.array(condition).max(1000).optional(),
});

export const authorizationPolicy = z.looseObject({
  spec: z
    .strictObject({
      selector,
      targetRef: z.looseObject({}).optional(),
      targetRefs: z.array(z.looseObject({})).optional(),
      action: z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']).optional(),
      provider: z.looseObject({}).optional(),
      rules: z.array(rule).max(1000).optional(),
    })
    .refine(({ action, rules = [] }) => action !== 'DENY' || rules.length > 0, {
      path: ['rules'],
      message: 'are none, so nothing is denied: give one, {} for everything',
    })
    .optional(),
});

const mode = z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']).optional();

export const peerAuthentication = z.looseObject({
  spec: z
    .strictObject({
      selector,
      mtls: z.strictObject({ mode }).optional(),
      portLevelMtls: z.record(z.string().refine(isPort, 'is no port'), z.strictObject({ mode })).optional(),
    })
    .optional(),
});
