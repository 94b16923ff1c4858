import { emptyReport, proxyReportLimits, type ProxyReport } from '@isthmus/api/domain/proxy-report.ts';
import type { ProxyFacts } from './facts.ts';

/** Certificates and ports, which are news at once, or counts as well, which are gathered for longer. */
export type Parts = 'NEWS' | 'ALL';

/**
 * What to send to someone who has been sent `sent`: changed entries only, within the limits of what a proxy may report.
 * Undefined: nothing differs. Pure.
 */
export function difference(sent: ProxyFacts, now: ProxyFacts, parts: Parts): ProxyReport | undefined {
  const report: ProxyReport = {
    ...emptyReport,
    ...newsOf(sent, now),
    ...(parts === 'ALL' && countsOf(sent, now)),
  };
  return isEmpty(report, sent) ? undefined : report;
}

const newsOf = (sent: ProxyFacts, now: ProxyFacts) => ({
  certificates: changed(sent.certificates, now.certificates, proxyReportLimits.certificates),
  forgotten: gone(sent.certificates, now.certificates),
  unbound: changed(sent.unbound, now.unbound, proxyReportLimits.unbound),
  bound: gone(sent.unbound, now.unbound).flatMap((key) => sent.unbound.get(key)?.place ?? []),
});

const countsOf = (sent: ProxyFacts, now: ProxyFacts) => ({
  connects: changed(sent.connects, now.connects, proxyReportLimits.connects),
  destinations: changed(sent.destinations, now.destinations, proxyReportLimits.destinations),
  openConnections: sent.openConnections === now.openConnections ? undefined : now.openConnections,
  leftOut: now.leftOut,
});

/** What the receiver has once it took that difference. */
export const received = (sent: ProxyFacts, now: ProxyFacts, parts: Parts): ProxyFacts => ({
  certificates: firstOf(now.certificates, proxyReportLimits.certificates),
  unbound: firstOf(now.unbound, proxyReportLimits.unbound),
  openConnections: parts === 'ALL' ? now.openConnections : sent.openConnections,
  connects: parts === 'ALL' ? firstOf(now.connects, proxyReportLimits.connects) : sent.connects,
  destinations:
    parts === 'ALL' ? firstOf(now.destinations, proxyReportLimits.destinations) : sent.destinations,
  leftOut: parts === 'ALL' ? now.leftOut : sent.leftOut,
});

/** What is beyond the limit was not sent: it is sent once there is room. */
const firstOf = <T>(entries: ReadonlyMap<string, T>, max: number): ReadonlyMap<string, T> =>
  new Map(entries.size > max ? [...entries].slice(0, max) : entries);

/** Entries of the first `max` keys that are new or another object. */
function changed<T>(sent: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>, max: number): readonly T[] {
  const entries: T[] = [];
  let at = 0;
  for (const [key, value] of now) {
    if (at++ === max) break;
    if (sent.get(key) !== value) entries.push(value);
  }
  return entries;
}

const gone = (sent: ReadonlyMap<string, unknown>, now: ReadonlyMap<string, unknown>): readonly string[] =>
  [...sent.keys()].filter((key) => !now.has(key));

const listsOf = ({ certificates, forgotten, unbound, bound, connects, destinations }: ProxyReport) => [
  certificates,
  forgotten,
  unbound,
  bound,
  connects,
  destinations,
];

const isEmpty = (report: ProxyReport, sent: ProxyFacts): boolean =>
  listsOf(report).every(({ length }) => length === 0) &&
  report.openConnections === undefined &&
  report.leftOut <= sent.leftOut;

/** Entries of each list in one message: 32 of the longest names that Kubernetes allows are half of its limit of bytes. */
const entriesOfMessage = 32;

/** The report in messages that hold a bounded number of entries each; the first one says who sends it. */
export function messagesOf(
  report: ProxyReport,
  sender: Pick<ProxyReport, 'nodeId' | 'startedAt'> | undefined,
): readonly ProxyReport[] {
  const pages = Math.max(1, ...listsOf(report).map(({ length }) => Math.ceil(length / entriesOfMessage)));
  return Array.from({ length: pages }, (_, page) => {
    const part = <T>(entries: readonly T[]) =>
      entries.slice(page * entriesOfMessage, (page + 1) * entriesOfMessage);
    return {
      ...(page === 0 && sender ? sender : { nodeId: '', startedAt: 0 }),
      certificates: part(report.certificates),
      forgotten: part(report.forgotten),
      unbound: part(report.unbound),
      bound: part(report.bound),
      connects: part(report.connects),
      destinations: part(report.destinations),
      openConnections: page === 0 ? report.openConnections : undefined,
      leftOut: report.leftOut,
    };
  });
}
