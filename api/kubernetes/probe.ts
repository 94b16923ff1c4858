import { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { Probe } from './objects.ts';
import type { ServingContainer } from './pod.ts';
import { portReference } from './shapes.ts';

/** 0 stands for the default, as for the API server. */
const count = z.int().min(0).max(2_147_483_647).optional();

export const probeSchema = z.looseObject({
  tcpSocket: z.looseObject({ port: portReference, host: z.string().optional() }).optional(),
  httpGet: z
    .looseObject({
      port: portReference,
      path: z.string().max(2048).optional(),
      scheme: z.enum(['HTTP', 'HTTPS', '']).optional(),
      host: z.string().optional(),
      httpHeaders: z.array(z.looseObject({})).optional(),
    })
    .optional(),
  exec: z.looseObject({}).optional(),
  grpc: z.looseObject({}).optional(),
  periodSeconds: count,
  timeoutSeconds: count,
  failureThreshold: count,
  successThreshold: count,
});

type RawProbe = z.infer<typeof probeSchema>;

/** What a timer can wait for. */
const maxMillis = 2_147_483_647;

/** The readiness probes of a pod's containers, all of which have to succeed, and what of them is not acted on. */
export function readProbes(containers: readonly ServingContainer[]): {
  readonly probes: readonly Probe[];
  readonly findings: readonly Finding[];
} {
  const found = containers.flatMap(({ value: { readinessProbe, ports = [] }, at }) =>
    readinessProbe ? [read(readinessProbe, ports, `${at}.readinessProbe`)] : [],
  );
  return {
    probes: found.flatMap(({ probe }) => probe ?? []),
    findings: found.flatMap(({ findings }) => findings),
  };
}

type Ports = NonNullable<ServingContainer['value']['ports']>;

function read(probe: RawProbe, ports: Ports, at: string) {
  const target = probe.httpGet ?? probe.tcpSocket;
  if (!target) return { probe: undefined, findings: unapplied(probe, at) };
  const isHttp = probe.httpGet !== undefined && probe.httpGet.scheme !== 'HTTPS';
  // A name is that of a port of the same container, whatever its protocol.
  const number =
    typeof target.port === 'number'
      ? target.port
      : ports.find(({ name }) => name === target.port)?.containerPort;
  const findings = [...unapplied(probe, at), ...(number === undefined ? [noPort(target.port, at)] : [])];
  const converted: Probe = {
    kind: isHttp ? 'httpGet' : 'tcpSocket',
    port: number ?? 0,
    path: requestPath(probe.httpGet?.path ?? ''),
    periodMillis: millis(probe.periodSeconds || 10),
    timeoutMillis: millis(probe.timeoutSeconds || 1),
    failureThreshold: probe.failureThreshold || 3,
    successThreshold: probe.successThreshold || 1,
  };
  return { probe: converted, findings };
}

const noPort = (name: string | number, at: string): Finding => ({
  code: 'PORT_UNKNOWN',
  severity: 'WARNING',
  field: `${at}.port`,
  message: `the container has no port named ${String(name)}, so the pod is never ready: name the port, or give its number`,
});

const millis = (seconds: number): number => Math.min(seconds * 1000, maxMillis);

/** As a kubelet sends it: it begins with a slash, and what a request line cannot hold is escaped. */
function requestPath(path: string): string {
  const [asked = ''] = path.split('#');
  const escaped = asked.replace(/[^!-~]/gu, (one) => encodeURIComponent(one.toWellFormed()));
  return escaped.startsWith('/') ? escaped : `/${escaped}`;
}

function unapplied({ exec, grpc, httpGet, tcpSocket }: RawProbe, at: string): readonly Finding[] {
  const connects = 'a TCP connection is asked for instead';
  const found: readonly [unknown, string, string][] = [
    [exec, 'exec', connects],
    [grpc, 'grpc', connects],
    [httpGet?.scheme === 'HTTPS' || undefined, 'httpGet.scheme', connects],
    [(httpGet?.host ?? tcpSocket?.host) || undefined, 'host', "the pod's own application is asked"],
    [httpGet?.httpHeaders, 'httpGet.httpHeaders', 'the request goes without them'],
  ];
  return found.flatMap(([value, name, message]) =>
    value === undefined ? [] : [notApplied(`${at}.${name}`, message)],
  );
}
