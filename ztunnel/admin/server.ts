import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { httpListener } from '@isthmus/mesh/http/listener.ts';
import type { Target } from '@isthmus/mesh/http/target.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { showMaps } from './config-dump.ts';

/** What the three ports of a proxy show. */
export interface AdminSources {
  /** Why it is not ready; empty when it is. */
  readonly pending: () => readonly string[];
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  /** Never a key. */
  readonly dump: () => Promise<object>;
}

type Page = (path: string, response: ServerResponse) => Promise<void> | void;

/** The two addresses of the ports: scrapers and probes reach one of them, and the dump is not there. */
export interface AdminAddresses {
  /** Of the dump: loopback. */
  readonly admin: string;
  /** Of metrics and readiness. */
  readonly metrics: string;
}

/** Admin 15000, metrics 15020 and readiness 15021, each on its own port as upstream has them. */
export function serveAdmin(
  { admin, metrics }: AdminAddresses,
  log: Log,
  sources: AdminSources,
): { close(): Promise<void> } {
  const servers = [
    open(admin, { name: 'admin', port: 15000 }, log, (path, response) => dump(sources, path, response)),
    open(metrics, { name: 'metrics', port: 15020 }, log, (path, response) => stats(sources, path, response)),
    open(metrics, { name: 'readiness', port: 15021 }, log, (path, response) =>
      readiness(sources, path, response),
    ),
  ];
  return {
    async close() {
      await Promise.all(servers.map((server) => (server.close(), once(server, 'close'))));
    },
  };
}

/** A port that cannot be bound is logged and left closed: traffic does not depend on it. */
function open(address: string, { name, port }: { name: string; port: number }, log: Log, page: Page): Server {
  const answer = (_request: unknown, response: ServerResponse, { path }: Target) => page(path, response);
  const server = httpListener(answer, { name, log, addressOnly: name === 'admin' });
  server.on('error', (error) => log.error({ address, port, error: error.message }, `${name} is not served`));
  return server.listen(port, address);
}

const text = (response: ServerResponse, status: number, body: string) =>
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);

async function dump(sources: AdminSources, path: string, response: ServerResponse) {
  if (path !== '/config_dump') return void text(response, path === '/' ? 200 : 404, '/config_dump\n');
  const body = JSON.stringify(await sources.dump(), showMaps, 2);
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${body}\n`);
}

async function stats({ metrics }: AdminSources, path: string, response: ServerResponse) {
  if (path !== '/metrics' && path !== '/stats/prometheus') return void text(response, 404, '/metrics\n');
  const page = await metrics();
  response.writeHead(200, { 'content-type': page.contentType }).end(page.text);
}

function readiness({ pending }: AdminSources, path: string, response: ServerResponse): void {
  const reasons = pending();
  if (path !== '/healthz/ready') text(response, 404, '/healthz/ready\n');
  else if (reasons.length === 0) text(response, 200, 'ready\n');
  else text(response, 500, `not ready, pending: ${reasons.join(', ')}\n`);
}
