import type { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { notApplied } from './finding.ts';
import type { Probe } from './objects.ts';
import type * as schemas from './schemas.ts';

type Container = z.infer<typeof schemas.pod>['spec']['containers'][number];
type RawProbe = NonNullable<Container['readinessProbe']>;

/** The first readiness probe of a pod's containers, and what of them is not acted on. */
export function readProbe(containers: readonly Container[]): {
  readonly probe: Probe | undefined;
  readonly findings: readonly Finding[];
} {
  const probed = containers.flatMap(({ readinessProbe }, i) =>
    readinessProbe ? [{ readinessProbe, at: `spec.containers[${i}].readinessProbe` }] : [],
  );
  const [first, ...others] = probed;
  if (!first) return { probe: undefined, findings: [] };
  return {
    probe: convert(first.readinessProbe),
    findings: [
      ...unapplied(first.readinessProbe, first.at),
      ...others.map(({ at }) => notApplied(at, 'the first probe of a pod is asked alone')),
    ],
  };
}

function convert(probe: RawProbe): Probe | undefined {
  const target = probe.httpGet ?? probe.tcpSocket;
  if (!target) return undefined;
  const isHttp = probe.httpGet !== undefined && probe.httpGet.scheme !== 'HTTPS';
  return {
    ...{ kind: isHttp ? 'httpGet' : 'tcpSocket', port: target.port, path: probe.httpGet?.path ?? '/' },
    periodMillis: (probe.periodSeconds ?? 10) * 1000,
    timeoutMillis: (probe.timeoutSeconds ?? 1) * 1000,
    ...{ failureThreshold: probe.failureThreshold ?? 3, successThreshold: probe.successThreshold ?? 1 },
  };
}

function unapplied({ exec, grpc, httpGet, tcpSocket }: RawProbe, at: string): readonly Finding[] {
  const connects = 'a TCP connection is asked for instead';
  const found: readonly [unknown, string, string][] = [
    [exec, 'exec', connects],
    [grpc, 'grpc', connects],
    [httpGet?.scheme === 'HTTPS' || undefined, 'httpGet.scheme', connects],
    [httpGet?.host ?? tcpSocket?.host, 'host', "the pod's own application is asked"],
    [httpGet?.httpHeaders, 'httpGet.httpHeaders', 'the request goes without them'],
  ];
  return found.flatMap(([value, name, message]) =>
    value === undefined ? [] : [notApplied(`${at}.${name}`, message)],
  );
}
