// What every program of the shop knows of itself, from its pod's environment. Sample applications import nothing
// but Node, as there are many of them and they must start fast.

export const self = {
  service: process.env['APP'] ?? 'unknown',
  pod: process.env['POD_NAME'] ?? 'unknown',
  cluster: process.env['CLUSTER_ID'] ?? 'unknown',
  /** Bound when calling: in loopback mode a caller is known by its address. */
  podIp: process.env['POD_IP'] ?? '127.0.0.1',
  /** Where this application listens; the pod's own address belongs to its proxy. */
  appAddress: process.env['APP_ADDRESS'] ?? '127.0.0.1',
};

/** The VIP and port of a service as Kubernetes would tell, or undefined when it was not known at start. */
export function endpointOf(service: string): { host: string; port: number } | undefined {
  const name = service.toUpperCase();
  const host = process.env[`${name}_SERVICE_HOST`];
  const port = process.env[`${name}_SERVICE_PORT`];
  return host !== undefined && port !== undefined ? { host, port: Number(port) } : undefined;
}

/** Ends the program with its parent, whose end of the pipe closes however it dies. */
export function followParent(): void {
  process.stdin
    .on('end', () => process.exit(0))
    .on('error', () => process.exit(0))
    .resume();
}
