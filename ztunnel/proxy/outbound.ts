import type { Socket } from 'node:net';
import { decideOutbound, type OutboundRequest, type Route } from '@isthmus/mesh/decide/outbound.ts';
import { routeKey } from '@isthmus/mesh/decide/route-key.ts';
import { identityOf } from '@isthmus/mesh/decide/route-to.ts';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import type { Service } from '@isthmus/mesh/state/service.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import type { Context } from '../engine/context.ts';
import { localWorkloads } from '../capture/wanted.ts';
import { carry, tellFailure, type Told } from './carry.ts';
import { dialRoute, type Reached } from './dial-route.ts';
import { race } from './race.ts';

const patience = 5000;

/**
 * A connection of a local pod to a VIP or, by SOCKS5, to a name. Nothing of it is read until the destination's
 * innermost proxy has said yes. `answered` tells a SOCKS5 client.
 */
export async function serveOutbound(
  context: Context,
  socket: Socket,
  target: OutboundRequest['target'],
  answered: (ok: boolean) => void = () => undefined,
): Promise<void> {
  const started = context.clock.monotonic();
  const clientAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
  socket.on('error', () => undefined);
  const source = await sourceOf(context, socket.remoteAddress ?? '');
  const refuse = (message: string, service?: Service) => {
    answered(false);
    tellFailure(
      context,
      told(context, source, clientAddress, targetText(target), service, undefined, undefined),
      message,
      'CONNECT',
      started,
    );
    socket.destroy();
  };
  if (!source) { refuse(unknownCaller(socket.remoteAddress ?? '')); return; }
  const decision = decideOutbound(
    context.state,
    { source, network: context.config.network, target },
    context.random,
    (key) => context.failures.has(key),
  );
  if (decision.kind === 'refuse') { refuse(`${decision.code}: ${decision.message}`); return; }
  if (decision.kind === 'passthrough')
    { refuse(
      `NOT_IN_MESH: ${decision.address}:${decision.port} is no part of this mesh; loopback capture reaches services only`,
    ); return; }
  const { routes, service } = decision;
  try {
    const { route, reached } = await reach(context, source, clientAddress, routes);
    answered(true);
    await carry(
      context,
      socket,
      reached.stream,
      told(context, source, clientAddress, reached.address, service, route, reached),
      reached.peer,
      undefined,
    );
  } catch (error) {
    answered(false);
    const message = error instanceof Error ? error.message : String(error);
    const flags = message.includes(' tls: ') ? 'TLS_FAILURE' : 'CONNECT';
    const [first] = routes;
    tellFailure(
      context,
      told(context, source, clientAddress, targetText(target), service, first, undefined),
      message,
      flags,
      started,
    );
    socket.destroy();
  }
}

function reach(
  context: Context,
  source: Workload,
  clientAddress: string,
  routes: readonly Route[],
): Promise<{ route: Route; reached: Reached }> {
  const attempt = async (route: Route, signal: AbortSignal) => {
    try {
      const reached = await dialRoute(context, source, clientAddress, route, signal);
      context.failures.worked(routeKey(route));
      return { route, reached };
    } catch (error) {
      // A candidate that was given up for another has proved nothing against itself.
      if (!signal.aborted) {
        context.failures.failed(routeKey(route));
        context.log.debug({ route: routeKey(route), error: String(error) }, 'route failed');
      }
      throw error;
    }
  };
  return race(routes, attempt, context.clock, ({ reached }) => reached.stream.destroy());
}

/** The pod that calls, by its address; one that has just started may not be known for a moment. */
async function sourceOf(context: Context, address: string): Promise<Workload | undefined> {
  const look = () =>
    localWorkloads(context.state, context.config).find((one) => one.addresses.includes(address));
  const until = context.clock.monotonic() + patience;
  let found = look();
  while (!found && address !== '127.0.0.1' && context.clock.monotonic() < until) {
    await context.changed(until - context.clock.monotonic());
    found = look();
  }
  return found;
}

const unknownCaller = (address: string): string =>
  address === '127.0.0.1'
    ? 'UNKNOWN_CALLER: 127.0.0.1 is nobody in the mesh: bind your pod address before connecting, or use SOCKS5 on it'
    : `UNKNOWN_CALLER: ${address} is no pod that this proxy serves`;

const targetText = (target: OutboundRequest['target']): string =>
  `${target.kind === 'address' ? target.address : target.hostname}:${target.port}`;

function told(
  { config }: Context,
  source: Workload | undefined,
  srcAddr: string,
  dstAddr: string,
  service: Service | undefined,
  route: Route | undefined,
  reached: Reached | undefined,
): Told {
  const said = parseBaggage(reached?.baggage);
  // A split-horizon entry stands for many: who really answered says so itself.
  const entry = route?.workload.addresses.length === 0 ? undefined : route?.workload;
  const destination = {
    workloadName: entry?.workloadName ?? said.workloadName,
    canonicalName: entry?.canonicalName ?? said.canonicalName,
    canonicalRevision: entry?.canonicalRevision ?? said.canonicalRevision,
    namespace: entry?.namespace ?? (said.namespace === '' ? (service?.namespace ?? '') : said.namespace),
    cluster: route?.workload.cluster ?? said.cluster,
  };
  const srcIdentity = source && route?.kind !== 'plaintext' ? identityOf(source) : undefined;
  return {
    record: {
      ...{
        srcAddr,
        srcWorkload: source?.workloadName,
        srcNamespace: source?.namespace,
        srcIdentity,
        srcCluster: config.cluster,
      },
      ...{
        dstAddr,
        dstHboneAddr: reached?.authority,
        dstService: service?.hostname,
        dstWorkload: destination.workloadName,
      },
      ...{
        dstNamespace: destination.namespace,
        dstIdentity: reached?.peer?.spiffeId,
        dstCluster: destination.cluster,
        direction: 'outbound',
      },
    },
    facts: {
      ...{
        reporter: 'source',
        source: { workload: source, identity: srcIdentity },
        service,
        mtls: reached?.peer !== undefined,
      },
      destination: { workload: destination, identity: reached?.peer?.spiffeId },
    },
  };
}
