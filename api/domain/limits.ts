import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/**
 * What one cluster may report to the hub. A resource that exceeds a limit is rejected by its name and shown as a
 * condition of its cluster; what the hub holds of that cluster stays as it is.
 */
export interface ClusterLimits {
  readonly services: number;
  /** Of all services together, healthy or not. */
  readonly endpoints: number;
  readonly gateways: number;
  /** Of all services together. */
  readonly ports: number;
  /** Of everything that is held of the cluster, as it came over the wire. */
  readonly bytes: number;
  /** Resources that are set or removed. More than this is taken late, not rejected. */
  readonly reportsPerSecond: number;
}

export const defaultLimits: ClusterLimits = {
  services: 5_000,
  endpoints: 50_000,
  gateways: 16,
  ports: 20_000,
  bytes: 32 * 1024 * 1024,
  reportsPerSecond: 1_000,
};

/**
 * `services=8000,gateways=32` over the defaults: what `--cluster-limits` takes. The error names the part and what it
 * may be.
 */
export function parseLimits(text: string): Result<ClusterLimits, string> {
  const limits: Record<keyof ClusterLimits, number> = { ...defaultLimits };
  for (const part of text.split(',').filter((one) => one !== '')) {
    const [name = '', value = '', ...more] = part.split('=');
    if (!isLimit(name))
      return err(`'${name}' is not a limit: it is one of ${Object.keys(defaultLimits).join(', ')}`);
    if (!/^[1-9]\d{0,8}$/.test(value) || more.length > 0)
      return err(`${name}: '${value}' is not a whole number from 1 to 999999999`);
    limits[name] = Number(value);
  }
  return ok(limits);
}

const isLimit = (name: string): name is keyof ClusterLimits => Object.hasOwn(defaultLimits, name);

/** What one record may hold, as the hub decodes it and again as the receiving agent does. */
export const recordLimits = {
  /** Of one service. Kubernetes allows more; beside 20,000 of a cluster, one service has no need of them. */
  portsOfService: 256,
  /** Localities and transports in which one service has endpoints. */
  groupsOfService: 256,
  /** Service accounts behind one service. */
  identitiesOfService: 256,
  gatewaysOfCluster: 64,
  /** Where a hub is reached: its replicas, and ways to each. */
  addressesOfHub: 64,
  conditions: 200,
  nodes: 5_000,
} as const;

/**
 * Endpoints of one service in one cluster that count towards its weight. A cluster that reports more is no nearer
 * than one with this many, so that no report can outweigh all others together without end.
 */
export const weightCap = 10_000;
