import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
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
      const who = { service: self.service, pod: self.pod, cluster: self.cluster };
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...who, ...fields }) + '\n');
    }
  });
  // Debug: what this application reads, so that a search of wire bytes can be held against a known positive.
  const tap = process.env['APP_TAP'];
  if (tap !== undefined)
    server.on('connection', (socket) => socket.on('data', (bytes) => appendFileSync(tap, bytes)));
  server.listen(port, self.appAddress);
  // The door for people, outside the mesh as an ingress would be.
  const door = process.env['DOOR_PORT'];
  if (door !== undefined) openDoor(Number(door), server);
  followParent();
}

function openDoor(port: number, server: ReturnType<typeof createServer>): void {
  createServer((request, response) => server.emit('request', request, response)).listen(port, '127.0.0.1');
}
