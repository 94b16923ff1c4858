import { z } from 'zod';

// Shapes of foreign objects, as far as Isthmus acts on them. They may have any other field, which is not so for security
// policies (policy-schemas.ts).

export const dnsName = z
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
export const labels = z.record(z.string().max(317), z.string().max(63)).optional();

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
