import { decideInbound } from '@isthmus/mesh/decide/inbound.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import { encodeBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import { readConnectHeaders } from '@isthmus/mesh/hbone/connect-headers.ts';
import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import type { Flow, L4, L7Engine } from '@isthmus/mesh/l7/engine.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { offersIstioMtls } from '@isthmus/mesh/tls/istio-alpn.ts';
import { peekHello } from '@isthmus/mesh/tls/peek-hello.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { PeerShares } from '@isthmus/mesh/shares/peer-share.ts';
import type { Capture, InboundArrival } from '../capture/capture.ts';
import { localWorkload } from '../capture/local-workload.ts';
import type { Newcomer } from './newcomer.ts';
import { ProxyError } from '../proxy-error.ts';
import type { ProxyConfig } from '../configuration.ts';
import { acceptNewcomer, type AcceptDeps } from './accept-newcomer.ts';
import { aboutOf, carry, reportFailure, type ConnectionTelemetry } from './carry.ts';
import type { Ending } from './ending.ts';
import { reachService, type ReachServiceDeps } from './outbound.ts';
import { knownPod, type KnownPodDeps } from './known-pod.ts';
import type { Place } from './place.ts';
import { serveConnects, type ConnectsDeps } from './serve-connects.ts';
import { accountedStream, serveFlow } from './serve-flow.ts';
import { inboundTelemetry, type Arrival } from './inbound-telemetry.ts';
import { whileThere } from './while-there.ts';

const dialMillis = 10_000;
const policyPatience = 5000;
/** Without a client's byte by then, the server is the one who speaks first. */
const sniffMillis = 200;

/** To bring a connection that has proved who it is, or need not, to a local pod. */
interface DeliverDeps extends ReachServiceDeps {
  readonly config: ProxyConfig;
  readonly shares: PeerShares;
  /** Serves connections that it takes, in place of the relay; undefined where there is none. */
  readonly l7: L7Engine | undefined;
}

export interface InboundHboneDeps extends DeliverDeps, KnownPodDeps, AcceptDeps, ConnectsDeps {
  readonly capture: Pick<Capture, 'dial' | 'outside' | 'explainCaller'>;
}

interface InboundPortDeps extends DeliverDeps, KnownPodDeps, AcceptDeps {
  readonly capture: Pick<Capture, 'dial' | 'outside' | 'explainCaller'>;
}

/** HBONE to a local pod: mTLS with the pod's identity, then any number of CONNECTs. */
export async function serveHbone(
  deps: InboundHboneDeps,
  newcomer: Newcomer,
  arrival: InboundArrival,
): Promise<void> {
  const { address, port } = arrival.from;
  const workload = localWorkload(deps.state, deps.config, arrival.pod) ?? (await knownPod(deps, arrival.pod));
  if (!workload) {
    newcomer.connection.close();
    return;
  }
  const secured = await acceptNewcomer(deps, newcomer, identityOf(workload), 'hbone');
  if (!secured) return;
  const { peer } = secured;
  serveConnects(deps, newcomer, secured, `${address}:${port} -> ${workload.uid} (tunnels)`, (incoming) => {
    const { authority, headers } = incoming;
    const caller = { address, port, peer, said: readConnectHeaders(headers), authority };
    return serveConnect(deps, arrival, caller, incoming);
  });
}

async function serveConnect(
  deps: DeliverDeps,
  { pod, original }: InboundArrival,
  caller: Arrival['caller'],
  incoming: IncomingConnect,
): Promise<void> {
  const workload = localWorkload(deps.state, deps.config, pod);
  if (!workload) {
    incoming.refuse(503);
    return;
  }
  const { authority } = incoming;
  const decision = decideInbound(deps.state, { workload, destination: original, authority });
  const port = decision.kind === 'deliver' ? decision.port : 0;
  const inbound = withTelemetry({
    deps,
    workload,
    original,
    caller,
    port,
    service: decision.kind === 'deliver' ? decision.service : undefined,
    started: deps.clock.monotonic(),
  });
  if (decision.kind === 'refuse') {
    incoming.refuse(decision.status, { 'x-isthmus-reason': decision.message });
    fail(inbound, { message: decision.message, flags: 'CONNECT' });
    return;
  }
  const entered = await enter(inbound);
  if (entered.kind === 'refused') {
    incoming.refuse(401);
    fail(inbound, entered.ending);
    return;
  }
  const { place } = entered;
  const l7 = takingL7(inbound);
  if (l7) return serveFlow(deps, l7, handedOver(inbound, place, acceptedBy(incoming, workload)));
  const application = await reachApplication(inbound, place, incoming.gone);
  if (application) await deliver(inbound, place, acceptedBy(incoming, workload), application);
  else incoming.refuse(place.ending ? 401 : 503);
}

const acceptedBy = (incoming: IncomingConnect, workload: Workload): ByteStream =>
  incoming.accept({ baggage: encodeBaggage(workload) });

/** A declared port of a local pod: plaintext, or Istio mTLS where classic sidecars call. */
export async function servePort(
  deps: InboundPortDeps,
  newcomer: Newcomer,
  { from, pod, original }: InboundArrival,
): Promise<void> {
  const { connection } = newcomer;
  const workload = localWorkload(deps.state, deps.config, pod) ?? (await knownPod(deps, pod));
  if (!workload) {
    connection.close();
    return;
  }
  const caller = { ...from, peer: undefined, said: undefined, authority: undefined };
  const started = deps.clock.monotonic();
  const { port } = original;
  const plain = { deps, workload, original, caller, port, service: undefined, started };
  const decision = decideInbound(deps.state, { workload, destination: original });
  if (decision.kind === 'refuse') {
    connection.close();
    fail(withTelemetry(plain), { message: decision.message, flags: 'CONNECT' });
    return;
  }
  const first = workload.classicClients || workload.sidecar ? await sniff(deps.clock, newcomer) : 'plaintext';
  if (first === 'ended') {
    connection.close();
    return;
  }
  if (first === 'unreadable') {
    connection.close();
    fail(withTelemetry(plain), {
      message: `UNREADABLE_HELLO: ${newcomer.ended ?? unreadableHello}`,
      flags: 'DENY',
    });
    return;
  }
  if (first !== 'istio-mtls')
    return newcomer.seat() ? servePlain(withTelemetry(plain), connection) : undefined;
  if (!newcomer.shake()) return;
  const secured = await acceptNewcomer(deps, newcomer, identityOf(workload), 'istio-mtls');
  if (!secured) return;
  await servePlain(withTelemetry({ ...plain, caller: { ...caller, peer: secured.peer } }), secured.stream);
}

const unreadableHello = 'a TLS client hello that is too large or was not completed';

/**
 * What a client of a plain port speaks. A hello that cannot be judged is neither: as plaintext it would be what its
 * sender wants it to be.
 */
async function sniff(
  clock: Clock,
  newcomer: Newcomer,
): Promise<'istio-mtls' | 'plaintext' | 'ended' | 'unreadable'> {
  // One that is silent is not a handshake: where the server speaks first, its client waits for it.
  const patience = { firstMillis: sniffMillis };
  const { first, bytes, ended } = await peekHello(newcomer.connection, clock, patience, () =>
    newcomer.shake(),
  );
  if (bytes.length === 0) return ended ? 'ended' : 'plaintext';
  if (first.kind === 'hello') return offersIstioMtls(first.alpn) ? 'istio-mtls' : 'plaintext';
  return first.kind === 'not-tls' ? 'plaintext' : 'unreadable';
}

/** A connection, or a request of one, that came for a local pod. */
interface NewInbound extends Arrival {
  readonly deps: DeliverDeps;
  /** Monotonic, when it arrived. */
  readonly started: number;
}

/** With what is logged and counted of it, whether it is carried or refused: worked out once. */
interface Inbound extends NewInbound {
  readonly telemetry: ConnectionTelemetry;
}

const withTelemetry = (one: NewInbound): Inbound => ({ ...one, telemetry: inboundTelemetry(one) });

async function servePlain(inbound: Inbound, stream: ByteStream): Promise<void> {
  const entered = await enter(inbound);
  if (entered.kind === 'refused') {
    stream.close();
    fail(inbound, entered.ending);
    return;
  }
  const { place } = entered;
  const l7 = takingL7(inbound);
  if (l7) return serveFlow(inbound.deps, l7, handedOver(inbound, place, stream));
  const application = await whileThere(stream, (gone) => reachApplication(inbound, place, gone));
  if (application) await deliver(inbound, place, stream, application);
  else stream.close();
}

/** Judged once, before its application is dialled. A policy that is named but not known yet is waited for. */
async function enter(inbound: Inbound) {
  const { deps, workload, original, caller, port, service } = inbound;
  const entered = deps.connections.enter({
    about: aboutOf(inbound.telemetry),
    peer: caller.peer,
    outbound: undefined,
    inbound: {
      facts: seen({
        source: { address: caller.address, identity: caller.peer?.identity },
        destination: { address: original.address, port, workload },
      }),
      sourceAddress: caller.address,
      workload: workload.uid,
      port,
      service: service?.key,
    },
  });
  return entered.kind === 'unknown' ? entered.decided(policyPatience) : entered;
}

/** The application's connection. Where there is none that has been logged, and the place has been given back. */
async function reachApplication(
  inbound: Inbound,
  place: Place,
  gone: AbortSignal,
): Promise<ByteStream | undefined> {
  let why: Ending = { message: 'it ended before it was carried', flags: 'CONNECT' };
  try {
    const application = await place.before(gone, (signal) => dialApplication(inbound, signal));
    if (!place.ending) return application;
    application.close();
  } catch (error) {
    why = { message: error instanceof Error ? error.message : String(error), flags: 'CONNECT' };
  }
  place.leave();
  fail(inbound, place.ending ?? why);
  return undefined;
}

function dialApplication(
  { deps, workload, original, caller, port }: Inbound,
  signal: AbortSignal,
): Promise<ByteStream> {
  return deps.capture.dial({
    address: workload.appAddress === '' ? original.address : workload.appAddress,
    port,
    from: { kind: 'delivery', pod: { kind: 'uid', uid: workload.uid }, caller: caller.address },
    timeoutMillis: dialMillis,
    signal,
  });
}

function deliver(inbound: Inbound, place: Place, near: ByteStream, far: ByteStream): Promise<void> {
  const { peer } = inbound.caller;
  return carry(inbound.deps, {
    near,
    far,
    telemetry: inbound.telemetry,
    started: inbound.started,
    place,
    share: peer && inbound.deps.shares.of(peer.spiffeId),
  });
}

/** The L7 engine, where there is one and it takes this connection. */
const takingL7 = (inbound: Inbound): L7Engine | undefined =>
  inbound.deps.l7?.takes(flowOf(inbound)) ? inbound.deps.l7 : undefined;

const handedOver = (inbound: Inbound, place: Place, near: ByteStream) => ({
  flow: flowOf(inbound),
  near,
  l4: l4Of(inbound),
  telemetry: inbound.telemetry,
  started: inbound.started,
  place,
});

const flowOf = ({ deps, workload, original, caller, port, service }: Inbound): Omit<Flow, 'gone'> => ({
  direction: 'inbound',
  source: {
    address: caller.address,
    workload: deps.state.workloads.atAddress(deps.config.network, caller.address),
    peer: caller.peer,
  },
  destination: { address: original.address, port, service, workload },
  trace: caller.said?.trace,
});

const l4Of = (inbound: Inbound): L4 => ({
  deliver: (port, signal) =>
    deliverRequest(withTelemetry({ ...inbound, port, started: inbound.deps.clock.monotonic() }), signal),
  reach(to, signal) {
    const { deps, workload, caller } = inbound;
    const clientAddress = `${caller.address}:${caller.port}`;
    return reachService({ deps, source: workload, clientAddress }, to, signal);
  },
});

/** To the application, as a connection of its own that is judged by the port that it is for. */
async function deliverRequest(inbound: Inbound, signal: AbortSignal): Promise<ByteStream> {
  const entered = await enter(inbound);
  if (entered.kind === 'refused') {
    fail(inbound, entered.ending);
    throw new ProxyError('CONNECTION_ENDED', entered.ending.message);
  }
  const { place } = entered;
  const application = await reachApplication(inbound, place, signal);
  if (!application)
    throw new ProxyError(
      'CONNECTION_ENDED',
      `port ${inbound.port} of ${inbound.workload.uid} was not reached`,
    );
  const account = { telemetry: inbound.telemetry, started: inbound.started, place };
  return accountedStream(inbound.deps, account, application);
}

const fail = (inbound: Inbound, { message, flags }: Ending): void =>
  reportFailure(inbound.deps, inbound.telemetry, message, flags, inbound.started);
