import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What the three doors of a proxy show. */
export interface AdminSources {
  /** Why it is not ready; empty when it is. */
  pending(): readonly string[];
  metrics(): Promise<{ text: string; contentType: string }>;
  /** Never a key. */
  dump(): Promise<object>;
}

/** Admin 15000, metrics 15020 and readiness 15021, each on its own port as upstream has them. */
export function serveAdmin(address: string, sources: AdminSources): void {
  const serve = (
    port: number,
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ) =>
    createServer((request, response) => {
      answer(request, response).catch((error: unknown) => response.writeHead(500).end(`${String(error)}\n`));
    }).listen(port, address);
  serve(15000, async ({ url }, response) => {
    if (url !== '/config_dump') return void response.writeHead(url === '/' ? 200 : 404).end('/config_dump\n');
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(await sources.dump(), undefined, 2));
  });
  serve(15020, async ({ url }, response) => {
    if (url !== '/metrics' && url !== '/stats/prometheus')
      return void response.writeHead(404).end('/metrics\n');
    const { text, contentType } = await sources.metrics();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  });
  serve(15021, ({ url }, response) => {
    const pending = sources.pending();
    if (url !== '/healthz/ready') response.writeHead(404).end('/healthz/ready\n');
    else if (pending.length === 0) response.writeHead(200).end('ready\n');
    else response.writeHead(500).end(`not ready, pending: ${pending.join(', ')}\n`);
    return Promise.resolve();
  });
}
