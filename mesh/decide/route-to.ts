import { formatAuthority } from '../hbone/authority.ts';
import { expectNames, expectsNobody, type ExpectedNames } from '../identity/expected-names.ts';
import type { Random } from '../process/random.ts';
import { err, ok, type Result } from '../result.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { gatewayOf, type Gateway } from './gateway-of.ts';
import { namesOf } from './identities.ts';
import { hbonePort } from './proxy-ports.ts';
import type { OutboundRefusal, Route } from './route.ts';
import { formatPassthroughSni } from './sni.ts';
import { isClassic, terminatesIstioMtls } from './transports.ts';

/** What a client calls at one endpoint: a port of its own, or a port of a service that it backs. */
export type CalledPort = {
  /** The endpoint's address; undefined when it has none of its own. */
  readonly address: string | undefined;
  /** 0: unknown here, which only a gateway's side needs to know. */
  readonly targetPort: number;
} & (
  | { readonly kind: 'pod' }
  | { readonly kind: 'service'; readonly service: Service; readonly servicePort: number }
);

type CalledServicePort = Extract<CalledPort, { kind: 'service' }>;

export type RouteOutcome = Result<Route, { readonly code: OutboundRefusal; readonly message: string }>;

const refuse = (code: OutboundRefusal, message: string): RouteOutcome => err({ code, message });

/** How one client reaches one endpoint: what both can speak, and whether a network lies between. */
export function routeTo(
  state: MeshState,
  source: Workload,
  workload: Workload,
  called: CalledPort,
  random: Random,
): RouteOutcome {
  return workload.network === source.network
    ? within(source, workload, called)
    : across(state, source, workload, called, random);
}

const cannotTerminate = (source: Workload, workload: Workload): RouteOutcome =>
  refuse(
    'PEER_CANNOT_TERMINATE',
    `${workload.uid} does not terminate Istio mTLS, and ${source.uid} speaks nothing else`,
  );

function within(source: Workload, workload: Workload, called: CalledPort): RouteOutcome {
  const { address, targetPort } = called;
  if (address === undefined) return refuse('NO_HEALTHY_UPSTREAM', `${workload.uid} has no address`);
  if (targetPort === 0) return refuse('NO_SUCH_PORT', `${workload.uid} does not say on which port it serves`);
  // Where one side has no proxy there is nothing to speak mTLS with; a STRICT destination refuses it.
  if (source.transport === 'plaintext' || workload.transport === 'plaintext')
    return ok({ kind: 'plaintext', workload, address, port: targetPort });
  const expect = namesWithin(workload, called);
  if (!isClassic(source) && workload.transport === 'hbone') {
    const authority = formatAuthority(address, targetPort);
    return ok({ kind: 'hbone', workload, address, port: hbonePort, authority, expect });
  }
  if (!terminatesIstioMtls(workload)) return cannotTerminate(source, workload);
  return ok({ kind: 'istio-mtls', workload, address, port: targetPort, sni: sniOf(called, address), expect });
}

/** Across networks: through a gateway of the other network, by service name only, and always with mTLS. */
function across(
  state: MeshState,
  source: Workload,
  workload: Workload,
  called: CalledPort,
  random: Random,
): RouteOutcome {
  if (source.transport === 'plaintext')
    return refuse(
      'NO_MTLS',
      `${source.uid} is in no mesh mode, so it cannot leave network ${source.network}`,
    );
  if (called.kind === 'pod')
    return refuse(
      'NO_GATEWAY',
      `${workload.uid} is in network ${workload.network}, where only services can be reached: call its service`,
    );
  if (workload.transport === 'plaintext')
    return refuse('NO_MTLS', `${workload.uid} in network ${workload.network} is in no mesh mode`);
  if (!hasPort(workload, called))
    return refuse(
      'NO_SUCH_PORT',
      `${workload.uid} has no port ${called.servicePort} of ${called.service.hostname}`,
    );
  const gateway = gatewayOf(state, workload.networkGateway, random);
  if (!gateway)
    return refuse('NO_GATEWAY', `no gateway of network ${workload.network} is known for ${workload.uid}`);
  return workload.transport === 'hbone' && !isClassic(source)
    ? doubleTunnel(workload, gateway, called)
    : passthrough(source, workload, gateway, called);
}

/** Clusters that export one service may differ in its ports. An endpoint that maps none of them is taken for any. */
function hasPort(workload: Workload, { service, servicePort }: CalledServicePort): boolean {
  const mapped = workload.services.get(service.key) ?? [];
  return mapped.length === 0 || mapped.some((one) => one.servicePort === servicePort);
}

function doubleTunnel(workload: Workload, gateway: Gateway, called: CalledServicePort): RouteOutcome {
  const { service, servicePort } = called;
  const expect = namesAcross(workload, service);
  if (expectsNobody(expect)) return nobodyKnown(workload, service);
  const { region, zone } = workload.locality;
  return ok({
    kind: 'double-hbone',
    workload,
    expect,
    authority: `${service.hostname}:${servicePort}`,
    gateway: {
      address: gateway.address,
      port: gateway.port,
      expect: gateway.expect,
      cluster: gateway.workload.cluster,
    },
    target: [workload.cluster, region, zone].join('/'),
  });
}

function passthrough(
  source: Workload,
  workload: Workload,
  gateway: Gateway,
  called: CalledServicePort,
): RouteOutcome {
  if (!terminatesIstioMtls(workload)) return cannotTerminate(source, workload);
  const port = workload.passthroughPort || gateway.workload.passthroughPort;
  if (port === 0)
    return refuse('NO_GATEWAY', `the gateway of network ${workload.network} passes no Istio mTLS through`);
  const { service } = called;
  const expect = namesAcross(workload, service);
  if (expectsNobody(expect)) return nobodyKnown(workload, service);
  const { address } = gateway;
  return ok({ kind: 'istio-mtls', workload, address, port, sni: sniOf(called, address), expect });
}

const nobodyKnown = ({ network }: Workload, { hostname }: Service): RouteOutcome =>
  refuse('NO_IDENTITY_KNOWN', `no identity is known for ${hostname} in network ${network}`);

const sniOf = (called: CalledPort, address: string): string =>
  called.kind === 'service'
    ? formatPassthroughSni(called.service.hostname, called.servicePort)
    : formatPassthroughSni(address, called.targetPort);

/**
 * Behind a gateway any endpoint of the service there may answer: those that the entry lists, which its cluster exports.
 * A control plane whose entries list none lists them at the service. An entry has no identity of its own: its account
 * is absent, which the wire reads as `default`.
 */
const namesAcross = (workload: Workload, service: Service): ExpectedNames =>
  expectNames(
    undefined,
    workload.subjectAltNames.length > 0 ? workload.subjectAltNames : service.subjectAltNames,
  );

/** In one network the chosen workload answers, or another name that the service lists. */
const namesWithin = (workload: Workload, called: CalledPort): ExpectedNames =>
  namesOf(workload, called.kind === 'service' ? called.service.subjectAltNames : []);
