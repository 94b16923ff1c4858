import { constants } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { limitArrivals } from './arrivals.ts';
import { readHost, readTarget, type Target } from './target.ts';

const headersMillis = 10_000;
const requestMillis = 30_000;
/** How often Node looks for requests that are late, so how late one may be noticed. */
const lookMillis = 500;

export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
) => Promise<void> | void;

/** How a refusal is written; the default is one line of plain text. */
export type Refuse = (response: ServerResponse, status: number, code: string, message: string) => void;

interface Options {
  /** What listens, for the log: `api`, `admin`. */
  readonly name: string;
  readonly log: Log;
  readonly refuse?: Refuse;
  /** Refuses requests whose Host is not one of an address or `localhost`: a page that rebinds its name reads nothing. */
  readonly addressOnly?: boolean;
  readonly clock?: Clock;
}

/**
 * The one way to listen for HTTP/1.1 (lint forbids the other): whatever a request line or a handler does, the client
 * gets a status and the process lives on. Targets and Host headers that cannot be read are answered 400 before
 * `answer` sees them, a failure of `answer` 500. Headers must be complete within 10 s, a request within 30 s, and
 * connections without a request are limited.
 */
export function httpListener(answer: Answer, options: Options): Server {
  const { respond, limit } = responding(answer, options);
  const server = createServer(times, respond);
  limit(server);
  return server;
}

/** A key and its chain, PEM, leaf first. */
export interface TlsPair {
  readonly key: string;
  readonly cert: string;
}

/**
 * The same by TLS, without resumption of sessions. Handshakes count among the connections without a request, and no more
 * are begun than `Handshakes` allows. The pair is replaced by `setSecureContext`. Throws when it cannot be used.
 */
export function httpsListener(answer: Answer, options: Options, pair: TlsPair): TlsServer {
  const { respond, limit } = responding(answer, options);
  const server = createTlsServer({ ...times, ...tlsOptions(pair), handshakeTimeout: headersMillis }, respond);
  limit(server);
  return server;
}

/** What a listener's secure context is made of, for `setSecureContext` too. */
export const tlsOptions = ({ key, cert }: TlsPair) =>
  ({ key, cert, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }) as const;

const times = {
  headersTimeout: headersMillis,
  requestTimeout: requestMillis,
  connectionsCheckingInterval: lookMillis,
};

interface Responding {
  readonly respond: (request: IncomingMessage, response: ServerResponse) => void;
  /** To be called with the server before it listens. */
  readonly limit: (server: Server) => void;
}

function responding(answer: Answer, options: Options): Responding {
  const { name, log, refuse = plainRefusal, addressOnly = false, clock = systemClock } = options;
  let arrived: (socket: IncomingMessage['socket']) => void;
  return {
    respond(request, response) {
      arrived(request.socket);
      response.on('error', () => undefined);
      const read = readRequest(request, addressOnly);
      if ('message' in read) {
        request.resume();
        refuse(response, read.status, read.code, read.message);
        return;
      }
      request.url = `${read.path}${read.query}`;
      answering(answer, request, response, read).catch((error: unknown) => {
        log.error({ listener: name, path: read.path.slice(0, 200), error: String(error) }, 'request failed');
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'INTERNAL', 'the request failed; the log says why');
      });
    },
    limit(server) {
      arrived = limitArrivals(server, name, { clock, log });
      // Without a listener Node closes these without an answer.
      server.on('connect', (_request, socket: Duplex) => {
        socket.on('error', () => undefined);
        socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      });
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function readRequest({ url, headers }: IncomingMessage, addressOnly: boolean): Target | Refusal {
  const target = readTarget(url ?? '');
  if (!target.ok) return { status: 400, code: 'BAD_REQUEST', message: target.error };
  // HTTP/1.0 needs no Host; Node refuses HTTP/1.1 without one.
  const host = headers.host === undefined ? undefined : readHost(headers.host);
  if (host?.ok === false) return { status: 400, code: 'BAD_REQUEST', message: host.error };
  if (addressOnly && host && !isAddress(host.value))
    return {
      status: 403,
      code: 'HOST_NOT_ALLOWED',
      message: `Host '${host.value}' is not allowed here: use the address of this listener`,
    };
  return target.value;
}

const isAddress = (host: string): boolean =>
  host === 'localhost' || host.startsWith('[') || /^\d+(\.\d+){3}$/.test(host);

/** A handler that throws before its first await rejects as well. */
async function answering(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  await answer(request, response, target);
}

const plainRefusal: Refuse = (response, status, code, message) =>
  void response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    .end(`${code}: ${message}\n`);
