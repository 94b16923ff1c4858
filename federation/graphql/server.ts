import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor';
import { httpListener, httpsListener, type Answer } from '@isthmus/mesh/http/listener.ts';
import type { Target } from '@isthmus/mesh/http/target.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { createYoga, type Plugin } from 'graphql-yoga';
import { Plans } from '../failover/plans.ts';
import type { AdminToken } from '../trust/admin-token.ts';
import type { ApiCertificate } from './api-certificate.ts';
import type { ApiDeps, RequestContext } from './context.ts';
import { shownError, masked } from './errors.ts';
import { recordMalformed } from './malformed.ts';
import { Insights } from '../insights/insights.ts';
import { apiSchema } from './schema.ts';
import { subscriptionLimit } from './subscription-limit.ts';
import { ShownClusters } from './subscriptions/shown-clusters.ts';

const maxBytes = 256 * 1024;
const maxSubscriptions = 200;

/** Query limits, each with the code that it is refused with by the plugin. */
const limits = EnvelopArmorPlugin({
  maxTokens: { n: 2000 },
  maxDepth: { n: 15 },
  maxAliases: { n: 50, allowList: [] },
  maxDirectives: { n: 20 },
  costLimit: {
    maxCost: 100_000,
    objectCost: 2,
    scalarCost: 1,
    depthCostFactor: 1.2,
    ignoreIntrospection: true,
  },
  blockFieldSuggestion: { enabled: true },
}) as Plugin;

interface Asked {
  readonly viewer: string;
  readonly response: ServerResponse;
}

export interface ApiServer {
  readonly server: Server;
  /** Begins to answer; until then a hub that is starting says so. */
  open(deps: HubDeps, adminToken: AdminToken): void;
}

/** What the API needs of the hub; it makes the rest itself. */
type HubDeps = Omit<ApiDeps, 'plans' | 'shownClusters' | 'insights'>;

/**
 * The GraphQL API, to be bound before the hub takes its epoch and opened after: by TLS where there is a certificate, which is
 * followed until the server is closed.
 */
export function apiServer(log: Log, certificate?: ApiCertificate): ApiServer {
  let serve: Answer = (_request, response) =>
    answer(response, 503, 'STARTING', 'the hub is starting: ask again in a second');
  return {
    server: listener((...request) => serve(...request), log, certificate),
    open(deps, adminToken) {
      const { live, clock } = deps;
      const plans = new Plans(clock);
      const insights = new Insights(live, clock);
      serve = answerApi({ ...deps, plans, insights, shownClusters: new ShownClusters(live) }, adminToken);
    },
  };
}

function listener(serve: Answer, log: Log, certificate: ApiCertificate | undefined): Server {
  const options = { name: 'api', log, refuse: answer };
  if (!certificate) return httpListener(serve, options);
  const server = httpsListener(serve, options, certificate.pair);
  const over = new AbortController();
  server.once('close', () => over.abort());
  certificate.follow(server, over.signal);
  return server;
}

/** Nothing is parsed before the caller is known and the body is small enough. */
function answerApi(deps: ApiDeps, adminToken: AdminToken): Answer {
  const lines = new LimitedLines(deps.clock, deps.log);
  const schema = apiSchema();
  const yoga = createYoga<Asked>({
    schema,
    plugins: [limits, subscriptionLimit(maxSubscriptions), recordMalformed(schema, deps.runner.attempts)],
    graphiql: false,
    landingPage: false,
    cors: false,
    logging: false,
    maskedErrors: { maskError: (error) => shownError(error, lines) },
    context: ({ viewer }): RequestContext => ({
      ...deps,
      viewer,
      roles: ['ADMIN'],
      snapshot: deps.live.current,
    }),
  });
  const open = new Set<ServerResponse>();
  adminToken.onReplace(() => {
    for (const response of open) if (isStream(response)) response.destroy();
  });
  return (request, response, target) => {
    const refusal = refuse(request, target, adminToken.current);
    if (refusal) {
      recordDenied(request, refusal, deps);
      answer(response, ...refusal);
      return;
    }
    open.add(response);
    response.once('close', () => open.delete(response));
    return bounded(request, response, async () => {
      try {
        await yoga(request, response, { viewer: 'admin', response });
      } catch (error) {
        lines.error('answer', { error: String(error) }, 'a request was not answered');
        answer(response, 500, 'INTERNAL', masked);
      }
    });
  };
}

/** An answer that has begun and not ended: a subscription, which would outlive the token that it was opened with. */
const isStream = ({ headersSent, writableEnded }: ServerResponse): boolean => headersSent && !writableEnded;

type Refusal = readonly [status: number, code: string, message: string];

function refuse(request: IncomingMessage, { path }: Target, adminToken: string): Refusal | undefined {
  if (path !== '/graphql') return [404, 'NOT_FOUND', 'the API is at /graphql'];
  if (request.method !== 'POST' && request.method !== 'GET') return [405, 'METHOD', 'use POST'];
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || !equal(token, adminToken))
    return [401, 'UNAUTHENTICATED', 'send the admin token as a bearer'];
  if (request.method === 'POST' && !(request.headers['content-type'] ?? '').startsWith('application/json'))
    return [415, 'CONTENT_TYPE', 'send application/json'];
  return undefined;
}

/** What was sent instead of the token is recorded nowhere: it may be a token of somewhere else. */
function recordDenied(request: IncomingMessage, [status, code, message]: Refusal, { runner }: ApiDeps): void {
  if (status !== 401) return;
  const actor = request.socket.remoteAddress ?? '';
  runner.attempts.deny({ actor, action: 'authenticate', error: { code, field: [], message } });
}

/** In constant time, whatever their lengths. */
function equal(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Lets a request through only when its body is small enough, by its length or by what comes. */
function bounded(
  request: IncomingMessage,
  response: ServerResponse,
  next: () => Promise<void>,
): Promise<void> | void {
  const tooLarge: Refusal = [413, 'BODY_TOO_LARGE', `a request has at most ${maxBytes} bytes`];
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    request.resume();
    return answer(response, ...tooLarge);
  }
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    request.off('data', count);
    answer(response, ...tooLarge);
    request.destroy();
  };
  request.on('data', count);
  request.pause();
  return next();
}

function answer(response: ServerResponse, status: number, code: string, message: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
