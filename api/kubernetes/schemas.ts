import { z } from 'zod';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';

// Shapes of foreign objects, as far as Isthmus acts on them. Kubernetes objects may bear any other field; in the
// specs of security policies an unknown field is refused, as a typo there must not open a door.

const dnsName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case');
const port = z.int().min(1).max(65_535);
const labels = z.record(z.string().max(317), z.string().max(63)).optional();

export const metadata = z.looseObject({
  name: dnsName,
  namespace: dnsName.optional(),
  uid: z.string().max(100).optional(),
  labels,
  annotations: z.record(z.string().max(317), z.string().max(262_144)).optional(),
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
    selector: labels.nullable(),
    clusterIP: z.string().optional(),
    clusterIPs: z.array(z.string()).optional(),
    publishNotReadyAddresses: z.boolean().optional(),
    trafficDistribution: z.string().optional(),
    internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
    ports: z
      .array(
        z.looseObject({
          name: z.string().max(63).optional(),
          port,
          targetPort: z.union([port, z.string().max(63)]).optional(),
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

const probePort = z.union([port, z.string().max(63)]);

const probe = z.looseObject({
  tcpSocket: z.looseObject({ port: probePort }).optional(),
  httpGet: z.looseObject({ port: probePort, path: z.string().optional() }).optional(),
  periodSeconds: z.int().min(1).optional(),
  timeoutSeconds: z.int().min(1).optional(),
  failureThreshold: z.int().min(1).optional(),
  successThreshold: z.int().min(1).optional(),
});

export const pod = z.looseObject({
  spec: z.looseObject({
    nodeName: z.string().max(253).optional(),
    serviceAccountName: z.string().max(253).optional(),
    hostNetwork: z.boolean().optional(),
    containers: z
      .array(
        z.looseObject({
          ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: port })).optional(),
          readinessProbe: probe.optional(),
        }),
      )
      .min(1)
      .max(100),
  }),
  status: z
    .looseObject({
      podIP: z.union([z.ipv4(), z.ipv6()]).optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
    })
    .optional(),
});

const texts = z.array(z.string().min(1).max(2048)).max(1000).optional();
const blocks = z
  .array(z.string().refine((text) => parseBlock(text).ok, 'is no IP address or CIDR block'))
  .max(1000)
  .optional();
const ports = z
  .array(
    z
      .string()
      .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535, 'is no port'),
  )
  .max(1000)
  .optional();
const selector = z.strictObject({ matchLabels: labels }).optional();

export const authorizationPolicy = z.looseObject({
  spec: z
    .strictObject({
      selector,
      targetRef: z.looseObject({}).optional(),
      targetRefs: z.array(z.looseObject({})).optional(),
      action: z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']).optional(),
      provider: z.looseObject({}).optional(),
      rules: z
        .array(
          z
            .strictObject({
              from: z
                .array(
                  z.strictObject({
                    source: z.strictObject({
                      ...{ principals: texts, notPrincipals: texts, namespaces: texts, notNamespaces: texts },
                      ipBlocks: blocks,
                      notIpBlocks: blocks,
                      serviceAccounts: texts,
                      notServiceAccounts: texts,
                      ...{ requestPrincipals: texts, notRequestPrincipals: texts },
                      ...{ remoteIpBlocks: texts, notRemoteIpBlocks: texts },
                    }),
                  }),
                )
                .optional(),
              to: z
                .array(
                  z.strictObject({
                    operation: z.strictObject({
                      ...{ ports, notPorts: ports, hosts: texts, notHosts: texts },
                      ...{ methods: texts, notMethods: texts, paths: texts, notPaths: texts },
                    }),
                  }),
                )
                .optional(),
              when: z.array(z.strictObject({ key: z.string(), values: texts, notValues: texts })).optional(),
            })
            .nullable(),
        )
        .max(1000)
        .nullish(),
    })
    .optional(),
});

export const peerAuthentication = z.looseObject({
  spec: z
    .strictObject({
      selector,
      mtls: z
        .strictObject({ mode: z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']).optional() })
        .nullish(),
      portLevelMtls: z.record(z.string(), z.looseObject({})).optional(),
    })
    .optional(),
});
