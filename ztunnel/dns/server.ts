import { decideName, type NameDecision } from '@isthmus/mesh/decide/dns.ts';
import { clusterDomain } from '@isthmus/mesh/decide/host-names.ts';
import { podSearch } from '@isthmus/mesh/decide/dns-names.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture, CapturedDatagram, CapturedDnsConnection, LocalPod } from '../capture/capture.ts';
import { serveConnection } from './connection.ts';
import type { ResolverSockets } from './exchange.ts';
import { forward, isHelpful, type Protocol } from './forwarder.ts';
import { countForwarded, type DnsCounted, type DnsMetrics } from './metrics.ts';
import { Places, type PlaceLimits } from './places.ts';
import { isAnswerable, readQuery, type Query } from './query.ts';
import type { ResolverConfig } from './resolv-conf.ts';
import { answerMessage, datagramRoom, errorMessage, fitted, misreadMessage, mostBytes } from './response.ts';

export interface DnsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly state: MeshState;
  readonly capture: Pick<Capture, 'dial' | 'resolverSocket'>;
  readonly metrics: DnsMetrics;
  /** Who a pod is; waits for one that is not known yet. */
  readonly workloadOf: (pod: LocalPod) => Promise<Workload | undefined>;
  /** Those that pods have in their resolv.conf, beside what Kubernetes writes there by namespace. */
  readonly resolvers: ResolverConfig;
  readonly preferredNamespace: string;
  readonly limits?: Partial<DnsLimits>;
}

export interface DnsLimits {
  /** Questions in progress: each that is forwarded has a socket of its own. More are answered SERVFAIL. */
  readonly questions: PlaceLimits;
  /** TCP connections. More are closed. */
  readonly connections: PlaceLimits;
}

const limits: DnsLimits = {
  questions: { ofPod: 256, all: 2048 },
  connections: { ofPod: 64, all: 1024 },
};

/** Answers pods for names of the mesh from the state, and has their own resolvers answer for the others. */
export class DnsServer {
  readonly #deps: DnsDeps;
  readonly #questions: Places;
  readonly #connections: Places;
  readonly #foreignSearch: readonly string[];

  constructor(deps: DnsDeps) {
    this.#deps = deps;
    const { questions, connections } = { ...limits, ...deps.limits };
    this.#questions = new Places(questions);
    this.#connections = new Places(connections);
    // Those of the cluster are of this proxy's own namespace, and each pod has those of its own.
    this.#foreignSearch = deps.resolvers.search.filter((one) => !`.${one}`.endsWith(`.${clusterDomain}`));
  }

  datagram({ pod, bytes, answer }: CapturedDatagram): void {
    void this.#answer(pod, bytes, 'udp').then((said) => said && answer(said));
  }

  connection({ pod, connection }: CapturedDnsConnection): void {
    const release = this.#connections.take(keyOf(pod));
    if (!release) return connection.close();
    const { clock } = this.#deps;
    void serveConnection(clock, connection, (bytes) => this.#answer(pod, bytes, 'tcp')).then(release);
  }

  /** Questions and connections that are in progress. */
  get inProgress(): number {
    return this.#questions.taken + this.#connections.taken;
  }

  /** Undefined where nothing is said. Never rejects. */
  async #answer(pod: LocalPod, bytes: Buffer, protocol: Protocol): Promise<Buffer | undefined> {
    if (!isAnswerable(bytes)) return undefined;
    const { metrics, workloadOf } = this.#deps;
    const read = readQuery(bytes);
    if (!read.ok) {
      metrics.asked(undefined, protocol, undefined);
      return misreadMessage(read.error);
    }
    const query = read.value;
    const release = this.#questions.take(keyOf(pod));
    if (!release) {
      metrics.asked(query.type, protocol, undefined);
      return errorMessage(query, 'SERVFAIL');
    }
    try {
      const client = await workloadOf(pod);
      const counted = metrics.asked(query.type, protocol, client);
      const said = await this.#decided(pod, client, query, protocol, counted);
      return fitted(said, protocol === 'udp' ? datagramRoom(query) : mostBytes);
    } finally {
      release();
    }
  }

  #decided(
    pod: LocalPod,
    client: Workload | undefined,
    query: Query,
    protocol: Protocol,
    counted: DnsCounted,
  ): Buffer | Promise<Buffer> {
    const decision = this.#decide(client, query);
    switch (decision.kind) {
      case 'answer':
        return answerMessage(query, decision.canonical, decision.addresses);
      case 'negative':
        return answerMessage(query, undefined, []);
      case 'refuse':
        return errorMessage(query, 'SERVFAIL');
      case 'forward':
        return this.#forward(pod, query, protocol, counted);
    }
  }

  #decide(client: Workload | undefined, { name, type, isInternet }: Query): NameDecision {
    const { state, random, preferredNamespace } = this.#deps;
    const isKnownType = isInternet && name !== undefined && (type === 'A' || type === 'AAAA');
    const search = [...podSearch(client?.namespace ?? ''), ...this.#foreignSearch];
    return decideName(
      state,
      { name: name ?? '', type: isKnownType ? type : 'OTHER', client, search, preferredNamespace },
      random,
    );
  }

  async #forward(pod: LocalPod, query: Query, protocol: Protocol, counted: DnsCounted): Promise<Buffer> {
    const { clock, random, resolvers } = this.#deps;
    const started = clock.monotonic();
    const deps = { clock, random, sockets: this.#socketsOf(pod) };
    const answer = await forward(deps, query, protocol, resolvers.nameservers);
    const isAnswered = answer !== undefined && isHelpful(answer);
    countForwarded(counted, (clock.monotonic() - started) / 1000, isAnswered);
    return answer ?? errorMessage(query, 'SERVFAIL');
  }

  #socketsOf(pod: LocalPod): ResolverSockets {
    const { capture } = this.#deps;
    return {
      datagrams: (to, hooks) => capture.resolverSocket(pod, to, hooks),
      stream: (to, timeoutMillis) => capture.dial({ ...to, from: { kind: 'resolver', pod }, timeoutMillis }),
    };
  }
}

const keyOf = (pod: LocalPod): string => (pod.kind === 'uid' ? pod.uid : pod.address);
