import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { showMaps } from './config-dump.ts';

/** What the three doors of a proxy show. */
export interface AdminSources {
  /** Why it is not ready; empty when it is. */
  readonly pending: () => readonly string[];
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  /** Never a key. */
  readonly dump: () => Promise<object>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Admin 15000, metrics 15020 and readiness 15021, each on its own port as upstream has them. */
export function serveAdmin(address: string, log: Log, sources: AdminSources): { close(): Promise<void> } {
  const doors: readonly (readonly [number, Answer])[] = [
    [15000, (request, response) => admin(sources, request, response)],
    [15020, (request, response) => stats(sources, request, response)],
    [15021, (request, response) => readiness(sources, request, response)],
  ];
  const servers = doors.map(([port, answer]) => open(address, port, log, answer));
  return {
    async close() {
      await Promise.all(servers.map((server) => (server.close(), once(server, 'close'))));
    },
  };
}

/** A door that cannot be opened is told and left: what carries traffic does not depend on who looks. */
function open(address: string, port: number, log: Log, answer: Answer): Server {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.error({ port, url: request.url, error: String(error) }, 'an admin request failed');
      if (!response.headersSent) response.writeHead(500);
      response.end('failed; the log says why\n');
    });
  });
  server.requestTimeout = 10_000;
  server.on('error', (error) => log.error({ address, port, error: error.message }, 'no admin door'));
  return server.listen(port, address);
}

const text = (response: ServerResponse, status: number, body: string) =>
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);

async function admin({ dump }: AdminSources, { url }: IncomingMessage, response: ServerResponse) {
  if (url !== '/config_dump') return void text(response, url === '/' ? 200 : 404, '/config_dump\n');
  const body = JSON.stringify(await dump(), showMaps, 2);
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${body}\n`);
}

async function stats({ metrics }: AdminSources, { url }: IncomingMessage, response: ServerResponse) {
  if (url !== '/metrics' && url !== '/stats/prometheus') return void text(response, 404, '/metrics\n');
  const page = await metrics();
  response.writeHead(200, { 'content-type': page.contentType }).end(page.text);
}

function readiness(
  { pending }: AdminSources,
  { url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reasons = pending();
  if (url !== '/healthz/ready') text(response, 404, '/healthz/ready\n');
  else if (reasons.length === 0) text(response, 200, 'ready\n');
  else text(response, 500, `not ready, pending: ${reasons.join(', ')}\n`);
  return Promise.resolve();
}
