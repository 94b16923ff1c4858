import type { Socket } from 'node:net';
import { blamesRoute, isAnswer, type DialFailure } from '@isthmus/mesh/decide/evidence.ts';
import {
  decideOutbound,
  type OutboundDecision,
  type OutboundRequest,
  type Route,
} from '@isthmus/mesh/decide/outbound.ts';
import { routeKey } from '@isthmus/mesh/decide/route-key.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import { connectHeaders } from '@isthmus/mesh/hbone/connect-headers.ts';
import { newTraceparent, traceIdOf } from '@isthmus/mesh/hbone/traceparent.ts';
import { ConnectRefused } from '@isthmus/mesh/hbone/tunnel.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Headers } from '@isthmus/mesh/http2/session.ts';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import { duplexOf, NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { Flow, L4, L7Engine, ReachedStream } from '@isthmus/mesh/l7/engine.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Service, ServiceKey } from '@isthmus/mesh/state/service.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import type { Context } from '../engine/context.ts';
import type { LocalPod, OutboundArrival } from '../capture/capture.ts';
import { localWorkload } from '../capture/local-workload.ts';
import { shownWorkload } from '../telemetry/access-log.ts';
import { outcomeOf } from '../report/dial-counts.ts';
import { flagsOf } from '../telemetry/response-flags.ts';
import type { Party } from '../telemetry/tcp-labels.ts';
import { aboutOf, carry, reportFailure, type ConnectionTelemetry } from './carry.ts';
import { dialRoute, type Reached } from './dial-route.ts';
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';
import { race } from './race.ts';
import { accountedStream, serveFlow } from './serve-flow.ts';
import { whileThere } from './while-there.ts';

const patience = 5000;

/**
 * A connection of a local pod to a VIP or, by SOCKS5, to a name. Nothing of it is read until the destination's
 * innermost proxy has said yes.
 */
export async function serveOutbound(
  context: Context,
  { socket, from, caller, original: target, answered = () => undefined }: OutboundArrival,
): Promise<void> {
  const started = context.clock.monotonic();
  const clientAddress = `${from.address}:${from.port}`;
  socket.on('error', () => undefined);
  const source = await sourceOf(context, caller);
  const refuse = (message: string, service?: Service) => {
    answered(false);
    reportFailure(
      context,
      outboundTelemetry(context, source, clientAddress, targetText(target), service, undefined, undefined),
      message,
      'CONNECT',
      started,
    );
    socket.destroy();
  };
  if (!source) {
    refuse(unknownCaller(context, caller));
    return;
  }
  const decision = decideOutbound(
    context.state,
    { source, network: context.config.network, target },
    context.random,
    (key) => context.failures.has(key),
  );
  if (decision.kind === 'refuse') refuse(`${decision.code}: ${decision.message}`);
  else if (decision.kind === 'passthrough') refuse(notInMesh(context, decision));
  else await carryRoutes({ context, socket, source, clientAddress, answered, started }, target, decision);
}

const notInMesh = ({ capture }: Context, { address, port }: AddressPort): string =>
  `NOT_IN_MESH: ${address}:${port} is no part of this mesh; ${capture.outside}`;

interface Outbound {
  readonly context: Context;
  readonly socket: Socket;
  readonly source: Workload;
  readonly clientAddress: string;
  readonly answered: (ok: boolean) => void;
  readonly started: number;
}

type Routes = Extract<OutboundDecision, { kind: 'routes' }>;

async function carryRoutes(
  call: Outbound,
  target: OutboundRequest['target'],
  decided: Routes,
): Promise<void> {
  const { context, socket, source, clientAddress, answered, started } = call;
  const { routes, service } = decided;
  const near = new NodeStream(socket);
  const traceparent = newTraceparent(context.random);
  const flow = flowOf(call, target, service, traceIdOf(traceparent));
  if (context.l7?.takes(flow)) return handOver(call, context.l7, near, flow);
  const ended = service ? context.dials.began(service.key) : () => undefined;
  let isReached = false;
  try {
    const { far, ...account } = await whileThere(context, near, (gone) =>
      arrive(call, decided, traceparent, gone),
    );
    answered(true);
    isReached = true;
    await carry(context, { near, far, started, ...account });
  } catch (error) {
    answered(false);
    const text = targetText(target);
    const about = outboundTelemetry(context, source, clientAddress, text, service, routes[0], undefined);
    const { message, flags } = endingOf(error);
    reportFailure(context, about, message, flags, started);
    socket.destroy();
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
  { context, source, clientAddress }: Pick<Outbound, 'context' | 'source' | 'clientAddress'>,
  { routes, service }: Routes,
  traceparent: string,
  gone: AbortSignal,
): Promise<Arrived> {
  const headers = connectHeaders({ source, client: clientAddress, service: service?.hostname, traceparent });
  const { route, reached } = await reach(context, source, headers, { routes, service }, gone);
  const { peer } = reached;
  const about = outboundTelemetry(context, source, clientAddress, reached.address, service, route, reached);
  // Who is at the far end is known by now alone, and may be trusted no longer.
  const entered = context.connections.enter({
    peer,
    inbound: undefined,
    outbound: service && { service: service.key, cluster: route.workload.cluster },
    about: aboutOf(about),
  });
  if (entered.kind === 'refused') {
    duplexOf(reached.stream).destroy();
    throw new NotEntered(entered.ending);
  }
  const telemetry = { ...about, trace: traceIdOf(traceparent) };
  return { far: reached.stream, route, peer, place: entered.place, telemetry };
}

const flowOf = (
  { context, source, clientAddress }: Outbound,
  target: OutboundRequest['target'],
  service: Service | undefined,
  trace: string | undefined,
): Omit<Flow, 'gone'> => {
  const address = target.kind === 'address' ? target.address : '';
  const workload = service ? undefined : context.state.workloads.atAddress(context.config.network, address);
  return {
    direction: 'outbound',
    source: { address: clientAddress, workload: source, peer: undefined },
    destination: { address, port: target.port, service, workload },
    trace,
  };
};

/** To the L7 engine, which decides for each request where it goes. */
async function handOver(
  { context, source, clientAddress, answered, started, socket }: Outbound,
  l7: L7Engine,
  near: ByteStream,
  flow: Omit<Flow, 'gone'>,
): Promise<void> {
  const { service, address, port } = flow.destination;
  const text = `${address === '' ? (service?.hostname ?? '') : address}:${port}`;
  const about = outboundTelemetry(context, source, clientAddress, text, service, undefined, undefined);
  const telemetry = { ...about, trace: flow.trace };
  const entered = context.connections.enter({
    peer: undefined,
    inbound: undefined,
    outbound: undefined,
    about: aboutOf(about),
  });
  answered(entered.kind === 'place');
  if (entered.kind === 'refused') {
    reportFailure(context, about, entered.ending.message, entered.ending.flags, started);
    socket.destroy();
    return;
  }
  const l4: L4 = {
    reach: (to, signal) => reachService({ context, source, clientAddress }, to, signal),
    deliver: () => Promise.reject(new ProxyError('CONNECTION_ENDED', 'an outbound flow has no application')),
  };
  await serveFlow(context, l7, { flow, near, l4, telemetry, started, place: entered.place });
}

/** A request to a service, decided and dialled like a connection, and counted as one until its stream has closed. */
export async function reachService(
  call: Pick<Outbound, 'context' | 'source' | 'clientAddress'>,
  to: { readonly service: ServiceKey; readonly port: number },
  signal: AbortSignal,
): Promise<ReachedStream> {
  const { context, source } = call;
  const started = context.clock.monotonic();
  const hostname = context.state.services.get(to.service)?.hostname ?? to.service;
  const decision = decideOutbound(
    context.state,
    { source, network: context.config.network, target: { kind: 'hostname', hostname, port: to.port } },
    context.random,
    (key) => context.failures.has(key),
  );
  if (decision.kind !== 'routes')
    throw new ProxyError(
      'CONNECTION_ENDED',
      decision.kind === 'refuse' ? decision.message : notInMesh(context, decision),
    );
  const traceparent = newTraceparent(context.random);
  try {
    const { far, route, peer, ...account } = await arrive(call, decision, traceparent, signal);
    return { stream: accountedStream(context, { started, ...account }, far), peer, route };
  } catch (error) {
    const { clientAddress } = call;
    const { service, routes } = decision;
    const text = `${hostname}:${to.port}`;
    const about = outboundTelemetry(context, source, clientAddress, text, service, routes[0], undefined);
    const { message, flags } = endingOf(error);
    reportFailure(context, about, message, flags, started);
    throw error;
  }
}

async function reach(
  context: Context,
  source: Workload,
  headers: Headers,
  { routes, service }: Pick<Routes, 'routes' | 'service'>,
  gone: AbortSignal,
): Promise<{ route: Route; reached: Reached }> {
  const budget = service?.key ?? routes.map(routeKey).join();
  context.retries.called(budget);
  // Before any route is timed: that our own certificate is late says nothing of the far side.
  if (routes.some(({ kind }) => kind !== 'plaintext')) await context.credentials.get(identityOf(source));
  const attempt = async (route: Route, signal: AbortSignal) => {
    try {
      const reached = await dialRoute(context, source, headers, route, signal);
      context.failures.worked(routeKey(route));
      context.dials.dialled(route, 'connected', context.clock.now());
      return { route, reached };
    } catch (error) {
      // A candidate that was given up for another has proved nothing against itself.
      if (!signal.aborted && blamesRoute(failureOf(error))) {
        context.failures.failed(routeKey(route));
        context.dials.dialled(route, outcomeOf(error), context.clock.now());
        context.log.debug({ route: routeKey(route), error: String(error) }, 'route failed');
      }
      throw error;
    }
  };
  return race({
    candidates: routes,
    attempt,
    clock: context.clock,
    gone,
    discard: ({ reached }) => void duplexOf(reached.stream).destroy(),
    onSilent(route) {
      context.failures.failed(routeKey(route));
      context.dials.dialled(route, 'silent', context.clock.now());
    },
    isAnswer: (error) => isAnswer(failureOf(error)),
    mayRetry: () => context.retries.mayRetry(budget),
  });
}

function failureOf(error: unknown): DialFailure {
  if (error instanceof ConnectRefused) return { kind: 'refused', status: error.status };
  const isOurs = error instanceof ProxyError && error.code === 'NO_CERTIFICATE';
  return { kind: isOurs ? 'no-certificate' : 'unreached' };
}

/** The pod that calls; one that has just started may not be known for a moment. */
async function sourceOf(context: Context, caller: LocalPod): Promise<Workload | undefined> {
  const { state, config, clock, capture, changes } = context;
  const look = () => localWorkload(state, config, caller);
  const until = clock.monotonic() + patience;
  let found = look();
  while (!found && capture.explainCaller(caller) === undefined && clock.monotonic() < until) {
    await changes.wait(caller, until - clock.monotonic());
    found = look();
  }
  return found;
}

const unknownCaller = ({ capture }: Context, caller: LocalPod): string => {
  const named = caller.kind === 'uid' ? caller.uid : caller.address;
  return `UNKNOWN_CALLER: ${capture.explainCaller(caller) ?? `${named} is no pod that this proxy serves`}`;
};

const targetText = (target: OutboundRequest['target']): string =>
  `${target.kind === 'address' ? target.address : target.hostname}:${target.port}`;

/**
 * Who is at the far end: a pod is known; a split-horizon entry stands for many, and the answer itself says which it
 * was, within what its certificate proves.
 */
function destinationOf(
  service: Service | undefined,
  route: Route | undefined,
  reached: Reached | undefined,
): Party {
  const entry = route?.workload;
  if (entry && entry.addresses.length > 0) return entry;
  const said = parseBaggage(reached?.baggage);
  const namespace = reached?.peer?.identity?.namespace ?? service?.namespace ?? '';
  return { ...said, namespace, cluster: reached?.peer?.cluster ?? entry?.cluster ?? '' };
}

function outboundTelemetry(
  { config }: Context,
  source: Workload | undefined,
  srcAddr: string,
  dstAddr: string,
  service: Service | undefined,
  route: Route | undefined,
  reached: Reached | undefined,
): ConnectionTelemetry {
  const destination = destinationOf(service, route, reached);
  const srcIdentity = source && route?.kind !== 'plaintext' ? identityOf(source) : undefined;
  const dstIdentity = reached?.peer?.spiffeId;
  return {
    record: {
      srcAddr,
      srcWorkload: shownWorkload(source),
      srcNamespace: source?.namespace,
      srcIdentity,
      srcCluster: config.cluster,
      dstAddr,
      dstHboneAddr: reached?.authority,
      dstService: service?.hostname,
      dstWorkload: shownWorkload(destination),
      dstNamespace: destination.namespace,
      dstIdentity,
      dstCluster: destination.cluster,
      direction: 'outbound',
    },
    facts: {
      reporter: 'source',
      source: { workload: source, identity: srcIdentity },
      destination: { workload: destination, identity: dstIdentity },
      service,
      mtls: reached?.peer !== undefined,
    },
  };
}
