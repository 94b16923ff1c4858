import { isIP } from 'node:net';
import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { AddressUnknown } from './outside.ts';

/** What a Service says of where it is reached from outside its cluster. */
export interface ServiceAddresses {
  /** IP addresses and host names of its load balancer, at least one, as they stand there. */
  readonly hosts: readonly string[];
  readonly linkPort: number;
  readonly joinPort: number;
}

/** More than any load balancer has: what a token names stays small. */
export const maxHosts = 16;

const port = z.object({ name: z.string().optional(), port: z.number().int().min(1).max(65_535) });
const ingress = z.object({ ip: z.string().optional(), hostname: z.string().optional() });

/** Unknown fields belong to other versions of Kubernetes, and are passed over. */
const shape = z.object({
  spec: z.object({ type: z.string().optional(), ports: z.array(port).optional() }),
  status: z.object({ loadBalancer: z.object({ ingress: z.array(ingress).nullish() }).nullish() }).nullish(),
});

/** A load balancer has the one or the other; what is neither an address nor a name is passed over. */
const hostOf = ({ ip = '', hostname = '' }: z.infer<typeof ingress>): readonly string[] =>
  isIP(ip) !== 0 ? [ip] : /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(hostname) ? [hostname] : [];

type Refused = Result<never, AddressUnknown>;

/**
 * The addresses of a Service as the API has it, or why it has none. `name`: `<namespace>/<name>`, for sentences. Ports
 * are those named `link` and `join`, of the Service and not of its pods.
 */
export function serviceAddresses(name: string, object: unknown): Result<ServiceAddresses, AddressUnknown> {
  const read = shape.safeParse(object);
  if (!read.success)
    return refused(`${name} is not a Service that can be read`, `look at kubectl get service ${name}`);
  const { spec, status } = read.data;
  const portOf = (wanted: string) => spec.ports?.find((one) => one.name === wanted)?.port;
  const [linkPort, joinPort] = [portOf('link'), portOf('join')];
  if (linkPort === undefined || joinPort === undefined)
    return refused(
      `Service ${name} has no port named ${linkPort === undefined ? 'link' : 'join'}`,
      'give it ports named link and join, which lead to --link-listen and --join-listen of the hub',
    );
  const hosts = [...new Set((status?.loadBalancer?.ingress ?? []).flatMap(hostOf))];
  if (hosts.length > 0) return ok({ hosts: hosts.slice(0, maxHosts), linkPort, joinPort });
  const type = spec.type ?? 'ClusterIP';
  return type === 'LoadBalancer'
    ? refused(
        `the load balancer of Service ${name} has no address yet`,
        `wait until kubectl get service shows an EXTERNAL-IP for it; if it stays pending, this cluster has no load balancer: ${ownAddresses}`,
      )
    : refused(
        `Service ${name} is of type ${type}, which has no address outside its cluster that the hub could know`,
        `make it one of type LoadBalancer, or ${ownAddresses}`,
      );
}

/** The two flags and `--outside-service` exclude each other. */
const ownAddresses =
  'name the addresses of the hub yourself: hub.urls.link and hub.urls.join of the chart, or --advertise-link and --advertise-join in place of --outside-service';

const refused = (message: string, remedy: string): Refused => err({ message, remedy });
