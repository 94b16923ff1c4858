import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { followParent, self } from './instance.ts';

// A plain TCP protocol in which the server speaks first, as many databases do.
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(`store ${self.pod} in ${self.cluster} ready\n`);
  // A probe that has gone already is an error of both; neither is news.
  const lines = createInterface({ input: socket }).on('error', () => socket.destroy());
  lines.on('line', (line) => socket.write(`${self.cluster} stored ${line}\n`));
});
server.listen(7070, self.appAddress);
followParent();
