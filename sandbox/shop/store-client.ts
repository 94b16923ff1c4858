import { createInterface } from 'node:readline';
import { dial } from './call.ts';

/** Says one word to the store, which greets first, and gives what it answered. */
export async function put(word: string, timeout = 5000): Promise<{ greeting: string; answer: string }> {
  const socket = await dial('store');
  socket.setTimeout(timeout, () => socket.destroy(new Error(`store did not answer within ${timeout} ms`)));
  const reader = createInterface({ input: socket }).on('error', () => undefined);
  const lines = reader[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => socket.once('error', reject));
  const next = async () => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done) throw new Error('store closed the connection');
    return line.value;
  };
  try {
    const greeting = await next();
    socket.write(`put ${word}\n`);
    return { greeting, answer: await next() };
  } finally {
    failed.catch(() => undefined);
    socket.destroy();
  }
}
