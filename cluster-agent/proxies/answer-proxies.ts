import type {
  ProxiesAnswer,
  ProxiesQuestion,
  ProxyCertificate,
  ProxySelf,
  ProxySummary,
  TypeCounts,
} from '@isthmus/api/domain/question.ts';
import type { ClientId } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { ConnectedClient } from '../xds/server.ts';
import type { ProxyFacts } from './proxy-facts.ts';

/** What the answer is made of. */
export interface KnownProxies {
  readonly view: ClusterView;
  readonly clients: readonly ConnectedClient[];
  readonly reported: (client: ClientId) => ProxyFacts | undefined;
  readonly counts: (client: string) => readonly TypeCounts[];
  /** What this agent has issued: end of each, epoch milliseconds, by identity, by the uid of the proxy's pod. */
  readonly issued: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** One page of the proxies that have their stream open, in the order of `proxyOrder`, which their ids are. */
export function answerProxies(known: KnownProxies, { first, after }: ProxiesQuestion): ProxiesAnswer {
  const all = [...known.clients].sort((a, b) => (a.id < b.id ? -1 : 1));
  const rest = all.filter(({ id }) => id > after);
  const page = rest.slice(0, Math.min(first, 100));
  return {
    kind: 'proxies',
    total: all.length,
    hasNext: rest.length > page.length,
    proxies: page.map((client) => summary(known, client)),
  };
}

function summary(known: KnownProxies, client: ConnectedClient): ProxySummary {
  const { id, kind, namespace, pod, version, upstreamVersion, connectedSince, complete } = client;
  const facts = known.reported(id);
  const own = known.view.get('Pod', namespace, pod);
  return {
    kind,
    namespace,
    pod,
    node: own?.nodeName ?? client.nodeName,
    version: version === '' ? upstreamVersion : version,
    upstream: version === '',
    connectedSince,
    complete,
    types: known.counts(id),
    certificates: certificatesOf(facts, known.issued.get(own?.metadata.uid ?? '')),
    self: facts && selfOf(facts),
  };
}

/** What it reports, and where it does not, what this agent issued to it. */
function certificatesOf(
  facts: ProxyFacts | undefined,
  issued: ReadonlyMap<string, number> | undefined,
): readonly ProxyCertificate[] {
  if (facts) return [...facts.certificates.values()].map((one) => ({ ...one, issued: false }));
  return [...(issued ?? [])].map(([identity, notAfter]) => ({
    identity,
    serial: '',
    issuerKeyId: '',
    notAfter,
    problem: '',
    issued: true,
  }));
}

const selfOf = (facts: ProxyFacts): ProxySelf => ({
  startedAt: facts.startedAt,
  openConnections: facts.openConnections ?? 0,
  unbound: [...facts.unbound.values()],
  connects: [...facts.connects.values()],
  destinations: [...facts.destinations.values()],
  leftOut: facts.leftOut,
  refused: facts.refused.count,
  refusedLast: facts.refused.last,
});
