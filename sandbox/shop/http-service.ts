import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { followParent, self } from './instance.ts';

/**
 * Serves JSON on the pod's application address: `answer` gives the fields beside who answered, and an error there
 * is a 502 that says why.
 */
export function serve(port: number, answer: (request: IncomingMessage) => Promise<object> | object): void {
  const server = createServer((request, response) => {
    Promise.resolve(request)
      .then(answer)
      .then((fields) => reply(200, fields))
      .catch((error: unknown) =>
        reply(502, { error: error instanceof Error ? error.message : String(error) }),
      );

    function reply(status: number, fields: object): void {
      const who = { service: self.service, pod: self.pod, cluster: self.cluster, path: request.url };
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...who, ...fields }) + '\n');
    }
  });
  // Debug: what this application reads, so that a search of wire bytes can be held against a known positive.
  const tap = process.env['APP_TAP'];
  if (tap !== undefined)
    server.on('connection', (socket) => socket.on('data', (bytes) => appendFileSync(tap, bytes)));
  server.listen(port, self.appAddress);
  const [firstPort, file] = [process.env['SHOP_PORT'], process.env['SHOP_PORT_FILE']];
  if (firstPort !== undefined && file !== undefined) listenForPeople(Number(firstPort), file, server);
  followParent();
}

/**
 * Serves the shop to people, outside the mesh as an ingress would: on the first free port from `firstPort` up, which is
 * written to `file`.
 */
function listenForPeople(firstPort: number, file: string, server: Server): void {
  let port = firstPort;
  const listener = createServer((request, response) => server.emit('request', request, response));
  listener.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || port >= firstPort + 200) throw error;
    listener.listen(++port, '127.0.0.1');
  });
  listener.on('listening', () => {
    writeWhole(file, String(port));
  });
  listener.listen(port, '127.0.0.1');
}
