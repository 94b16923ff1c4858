import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { followParent, self } from './instance.ts';

// A plain TCP protocol in which the server speaks first, as many databases do.
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(`store ${self.pod} in ${self.cluster} ready\n`);
  createInterface({ input: socket }).on('line', (line) => socket.write(`${self.cluster} stored ${line}\n`));
});
server.listen(7070, self.appAddress);
followParent();
