import {
  decideOutbound,
  type OutboundDecision,
  type OutboundRequest,
  type Route,
} from '@isthmus/mesh/decide/outbound.ts';
import { connectHeaders } from '@isthmus/mesh/hbone/connect-headers.ts';
import { newTraceparent, traceIdOf } from '@isthmus/mesh/hbone/traceparent.ts';
import { ProxyError } from '../proxy-error.ts';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { Flow, L4, L7Engine, ReachedStream } from '@isthmus/mesh/l7/engine.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Service, ServiceKey } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture, LocalPod, OutboundArrival } from '../capture/capture.ts';
import { flagsOf } from '../telemetry/response-flags.ts';
import type { ProxyConfig } from '../configuration.ts';
import { aboutOf, carry, reportFailure, type AccountDeps, type ConnectionTelemetry } from './carry.ts';
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';
import { accountedStream, serveFlow } from './serve-flow.ts';
import { whileThere } from './while-there.ts';
import { knownPod, type KnownPodDeps } from './known-pod.ts';
import { passThrough } from './pass-through.ts';
import type { Connections } from './connections.ts';
import { outboundTelemetry, targetText } from './outbound-telemetry.ts';
import { reach, type ReachDeps } from './reach.ts';

/** To reach a service for a request. */
export interface ReachServiceDeps extends ReachDeps, AccountDeps {
  readonly config: Pick<ProxyConfig, 'network' | 'cluster'>;
  readonly random: Random;
  readonly state: MeshState;
  readonly capture: Pick<Capture, 'dial' | 'outside'>;
  readonly connections: Connections;
}

export interface OutboundDeps extends ReachServiceDeps, KnownPodDeps {
  readonly config: ProxyConfig;
  readonly capture: Pick<Capture, 'dial' | 'outside' | 'explainCaller'>;
  /** Serves connections that it takes, in place of the relay; undefined where there is none. */
  readonly l7: L7Engine | undefined;
}

/**
 * A connection of a local pod to a VIP or, by SOCKS5, to a name. Nothing of it is read until the destination's
 * innermost proxy has said yes.
 */
export async function serveOutbound(
  deps: OutboundDeps,
  { connection, from, caller, original: target, answered = () => undefined }: OutboundArrival,
): Promise<void> {
  const started = deps.clock.monotonic();
  const clientAddress = `${from.address}:${from.port}`;
  const source = await knownPod(deps, caller);
  const refuse = (message: string, service?: Service) => {
    answered(false);
    reportFailure(
      deps,
      outboundTelemetry(
        deps.config.cluster,
        source,
        clientAddress,
        targetText(target),
        service,
        undefined,
        undefined,
      ),
      message,
      'CONNECT',
      started,
    );
    connection.close();
  };
  if (!source) {
    refuse(unknownCaller(deps.capture, caller));
    return;
  }
  const decision = decideOutbound(
    deps.state,
    { source, network: deps.config.network, target },
    deps.random,
    (key) => deps.failures.has(key),
  );
  if (decision.kind === 'refuse') refuse(`${decision.code}: ${decision.message}`);
  else if (decision.kind === 'routes')
    await carryRoutes({ deps, near: connection, source, clientAddress, answered, started }, target, decision);
  else if (deps.capture.outside === undefined)
    await passThrough(deps, { near: connection, caller, source, clientAddress, answered, started }, decision);
  else refuse(notInMesh(deps.capture, decision));
}

const notInMesh = ({ outside }: Pick<Capture, 'outside'>, { address, port }: AddressPort): string =>
  `NOT_IN_MESH: ${address}:${port} is not part of this mesh; ${outside ?? 'requests reach its services only'}`;

/** A local pod calls: itself, or a request of a connection that came for it. */
interface Call {
  readonly deps: ReachServiceDeps;
  readonly source: Workload;
  readonly clientAddress: string;
}

interface Outbound extends Call {
  readonly deps: OutboundDeps;
  readonly near: ByteStream;
  readonly answered: (ok: boolean) => void;
  readonly started: number;
}

type Routes = Extract<OutboundDecision, { kind: 'routes' }>;

async function carryRoutes(
  call: Outbound,
  target: OutboundRequest['target'],
  decided: Routes,
): Promise<void> {
  const { deps, near, source, clientAddress, answered, started } = call;
  const { routes, service } = decided;
  const traceparent = newTraceparent(deps.random);
  if (deps.l7) {
    const flow = flowOf(call, target, service, traceIdOf(traceparent));
    if (deps.l7.takes(flow)) return handOver(call, deps.l7, flow);
  }
  const ended = service ? deps.dials.began(service.key) : () => undefined;
  let isReached = false;
  try {
    const { far, ...account } = await whileThere(near, (gone) => arrive(call, decided, traceparent, gone));
    answered(true);
    isReached = true;
    await carry(deps, { near, far, started, ...account });
  } catch (error) {
    answered(false);
    const text = targetText(target);
    const about = outboundTelemetry(
      deps.config.cluster,
      source,
      clientAddress,
      text,
      service,
      routes[0],
      undefined,
    );
    const { message, flags } = endingOf(error);
    reportFailure(deps, about, message, flags, started);
    near.close();
  } finally {
    ended(!isReached);
  }
}

/** A far side that was reached, and may be. */
interface Arrived {
  readonly far: ByteStream;
  readonly route: Route;
  readonly peer: Peer | undefined;
  readonly place: Place;
  readonly telemetry: ConnectionTelemetry;
}

/** It was reached, and is trusted no longer. */
class NotEntered extends ProxyError {
  readonly ending: Ending;

  constructor(ending: Ending) {
    super('CONNECTION_ENDED', ending.message);
    this.ending = ending;
  }
}

const endingOf = (error: unknown): Ending =>
  error instanceof NotEntered
    ? error.ending
    : { message: error instanceof Error ? error.message : String(error), flags: flagsOf(error) };

/** Reaches one of the routes, as a connection that is let in. Throws what `reach` throws, and NotEntered. */
async function arrive(
  { deps, source, clientAddress }: Call,
  { routes, service }: Routes,
  traceparent: string,
  gone: AbortSignal,
): Promise<Arrived> {
  const headers = connectHeaders({ source, client: clientAddress, service: service?.hostname, traceparent });
  const { route, reached } = await reach(deps, source, headers, { routes, service }, gone);
  const { peer } = reached;
  const about = outboundTelemetry(
    deps.config.cluster,
    source,
    clientAddress,
    reached.address,
    service,
    route,
    reached,
  );
  // Who is at the far end is known by now alone, and may be trusted no longer.
  const entered = deps.connections.enter({
    peer,
    inbound: undefined,
    outbound: service && { service: service.key, cluster: route.workload.cluster },
    about: aboutOf(about),
  });
  if (entered.kind === 'refused') {
    reached.stream.close();
    throw new NotEntered(entered.ending);
  }
  const telemetry = { ...about, trace: traceIdOf(traceparent) };
  return { far: reached.stream, route, peer, place: entered.place, telemetry };
}

const flowOf = (
  { deps, source, clientAddress }: Outbound,
  target: OutboundRequest['target'],
  service: Service | undefined,
  trace: string | undefined,
): Omit<Flow, 'gone'> => {
  const address = target.kind === 'address' ? target.address : '';
  const workload = service ? undefined : deps.state.workloads.atAddress(deps.config.network, address);
  return {
    direction: 'outbound',
    source: { address: clientAddress, workload: source, peer: undefined },
    destination: { address, port: target.port, service, workload },
    trace,
  };
};

/** To the L7 engine, which decides for each request where it goes. */
async function handOver(
  { deps, source, clientAddress, answered, started, near }: Outbound,
  l7: L7Engine,
  flow: Omit<Flow, 'gone'>,
): Promise<void> {
  const { service, address, port } = flow.destination;
  const text = `${address === '' ? (service?.hostname ?? '') : address}:${port}`;
  const about = outboundTelemetry(
    deps.config.cluster,
    source,
    clientAddress,
    text,
    service,
    undefined,
    undefined,
  );
  const telemetry = { ...about, trace: flow.trace };
  const entered = deps.connections.enter({
    peer: undefined,
    inbound: undefined,
    outbound: undefined,
    about: aboutOf(about),
  });
  answered(entered.kind === 'place');
  if (entered.kind === 'refused') {
    reportFailure(deps, about, entered.ending.message, entered.ending.flags, started);
    near.close();
    return;
  }
  const l4: L4 = {
    reach: (to, signal) => reachService({ deps, source, clientAddress }, to, signal),
    deliver: () => Promise.reject(new ProxyError('CONNECTION_ENDED', 'an outbound flow has no application')),
  };
  await serveFlow(deps, l7, { flow, near, l4, telemetry, started, place: entered.place });
}

/** A request to a service, decided and dialled like a connection, and counted as one until its stream has closed. */
export async function reachService(
  call: Call,
  to: { readonly service: ServiceKey; readonly port: number },
  signal: AbortSignal,
): Promise<ReachedStream> {
  const { deps, source } = call;
  const started = deps.clock.monotonic();
  const hostname = deps.state.services.get(to.service)?.hostname ?? to.service;
  const decision = decideOutbound(
    deps.state,
    { source, network: deps.config.network, target: { kind: 'hostname', hostname, port: to.port } },
    deps.random,
    (key) => deps.failures.has(key),
  );
  if (decision.kind !== 'routes')
    throw new ProxyError(
      'CONNECTION_ENDED',
      decision.kind === 'refuse' ? decision.message : notInMesh(deps.capture, decision),
    );
  const traceparent = newTraceparent(deps.random);
  try {
    const { far, route, peer, ...account } = await arrive(call, decision, traceparent, signal);
    return { stream: accountedStream(deps, { started, ...account }, far), peer, route };
  } catch (error) {
    const { clientAddress } = call;
    const { service, routes } = decision;
    const text = `${hostname}:${to.port}`;
    const about = outboundTelemetry(
      deps.config.cluster,
      source,
      clientAddress,
      text,
      service,
      routes[0],
      undefined,
    );
    const { message, flags } = endingOf(error);
    reportFailure(deps, about, message, flags, started);
    throw error;
  }
}

const unknownCaller = (capture: Pick<Capture, 'explainCaller'>, caller: LocalPod): string => {
  const named = caller.kind === 'uid' ? caller.uid : caller.address;
  return `UNKNOWN_CALLER: ${capture.explainCaller(caller) ?? `${named} is not a pod that this proxy serves`}`;
};
