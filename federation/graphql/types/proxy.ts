import type { ConnectResult, DestinationLoad, UnboundPort } from '@isthmus/api/domain/proxy-report.ts';
import type { ProxyCertificate, ProxySelf, ProxySummary, TypeCounts } from '@isthmus/api/domain/question.ts';
import { builder, elements } from '../builder.ts';
import { connectionOf } from './connection.ts';

const unlessZero = (millis: number): number | undefined => (millis === 0 ? undefined : millis);

const typeCountsType = builder.objectRef<TypeCounts>('ProxyResources').implement({
  description: 'Resources of one xDS type at one proxy.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'The type URL.' }),
    acknowledged: t.exposeInt('acknowledged'),
    rejected: t.exposeInt('rejected', { description: 'Refused, and not taken in another version since.' }),
  }),
});

const certificateType = builder.objectRef<ProxyCertificate>('ProxyCertificate').implement({
  description: 'A certificate of one identity at one proxy.',
  fields: (t) => ({
    identity: t.exposeString('identity', { description: 'The SPIFFE ID.' }),
    serial: t.string({
      nullable: true,
      description: 'Lower-case hex. Null: not reported, or none is held.',
      resolve: ({ serial }) => serial || null,
    }),
    issuerKeyId: t.string({ nullable: true, resolve: ({ issuerKeyId }) => issuerKeyId || null }),
    notAfter: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ends. Null: none is held.',
      resolve: ({ notAfter }) => unlessZero(notAfter),
    }),
    problem: t.string({
      nullable: true,
      description: 'Why the last request for it failed, UPPER_SNAKE. Null: it did not.',
      resolve: ({ problem }) => problem || null,
    }),
    reported: t.boolean({
      description: 'The proxy itself reports it. False: the agent issued it, and the proxy does not report.',
      resolve: ({ issued }) => !issued,
    }),
  }),
});

const unboundType = builder.objectRef<UnboundPort>('UnboundListener').implement({
  description: 'A port that a proxy should listen on and cannot bind.',
  fields: (t) => ({
    address: t.string({ resolve: ({ place }) => place.address }),
    port: t.int({ resolve: ({ place }) => place.port }),
    code: t.exposeString('code', { description: 'EACCES, EADDRINUSE and the like.' }),
  }),
});

const connectType = builder.objectRef<ConnectResult>('ProxyConnects').implement({
  description:
    'What came of the dials of one proxy to one address since its start. It changes nothing by itself.',
  fields: (t) => ({
    kind: t.exposeString('kind', { description: 'ENDPOINT or GATEWAY.' }),
    address: t.string({ resolve: ({ place }) => place.address }),
    port: t.int({ resolve: ({ place }) => place.port }),
    cluster: t.exposeString('cluster'),
    connected: t.exposeFloat('connected'),
    unreached: t.exposeFloat('unreached', { description: 'No TCP connection.' }),
    untrusted: t.exposeFloat('untrusted', { description: 'No TLS, or not the expected peer.' }),
    refused: t.exposeFloat('refused', { description: 'The CONNECT was refused.' }),
    silent: t.exposeFloat('silent', { description: 'No answer within a second.' }),
    lastFailureAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ lastFailureAt }) => unlessZero(lastFailureAt),
    }),
  }),
});

const loadType = builder.objectRef<DestinationLoad>('ProxyDestination').implement({
  description: 'What one proxy carried to one service since its start. At L4 a request is a connection.',
  fields: (t) => ({
    service: t.exposeString('service', { description: '<namespace>/<hostname>' }),
    requests: t.exposeFloat('requests'),
    failures: t.exposeFloat('failures'),
    inFlight: t.exposeInt('inFlight'),
  }),
});

const selfType = builder.objectRef<ProxySelf>('ProxySelf').implement({
  description: 'What a proxy of Isthmus reports on itself.',
  fields: (t) => ({
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ startedAt }) => unlessZero(startedAt),
    }),
    openConnections: t.exposeInt('openConnections'),
    unbound: t.field({ type: [unboundType], nullable: elements, resolve: ({ unbound }) => unbound }),
    connects: t.field({ type: [connectType], nullable: elements, resolve: ({ connects }) => connects }),
    destinations: t.field({
      type: [loadType],
      nullable: elements,
      resolve: ({ destinations }) => destinations,
    }),
    leftOut: t.exposeFloat('leftOut', { description: 'Entries that it left out, as they were too many.' }),
    refused: t.exposeInt('refused', { description: 'Entries of its reports that the agent refused.' }),
    refusedLast: t.string({
      nullable: true,
      description: 'The latest of them: field and reason.',
      resolve: ({ refusedLast }) => refusedLast || null,
    }),
  }),
});

export interface ProxyView extends ProxySummary {
  readonly cluster: string;
}

const proxyType = builder.objectRef<ProxyView>('Proxy').implement({
  description: 'A proxy that has its xDS stream open. Queried live from the cluster’s agent.',
  fields: (t) => ({
    cluster: t.exposeString('cluster'),
    kind: t.exposeString('kind', { description: 'ztunnel, router, sidecar or waypoint.' }),
    namespace: t.exposeString('namespace'),
    pod: t.exposeString('pod'),
    node: t.exposeString('node'),
    version: t.exposeString('version', { description: 'As the proxy names it; empty: it names none.' }),
    upstream: t.exposeBoolean('upstream', { description: 'It is one of Istio’s own.' }),
    connectedSince: t.expose('connectedSince', { type: 'DateTime' }),
    complete: t.exposeBoolean('complete', { description: 'It has received everything once.' }),
    resources: t.field({ type: [typeCountsType], nullable: elements, resolve: ({ types }) => types }),
    certificates: t.field({
      type: [certificateType],
      nullable: elements,
      resolve: ({ certificates }) => certificates,
    }),
    self: t.expose('self', {
      type: selfType,
      nullable: true,
      description: 'Null: it does not report on itself, as Istio’s own proxies do not.',
    }),
  }),
});

export const proxyConnection = connectionOf('Proxy', proxyType);
