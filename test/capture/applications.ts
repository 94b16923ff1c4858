import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import type { Namespace } from '../fakes/network-namespaces.ts';

const serverCode = `
  require('net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.write(socket.remoteAddress.replace('::ffff:', '') + ' ');
    socket.pipe(socket);
  }).listen(Number(process.argv[1]), '::', () => console.log('listens'));`;

const callerCode = `
  const [host, port, words] = process.argv.slice(1);
  const socket = require('net').connect({ host, port: Number(port) }, () => words && socket.end(words));
  socket.on('error', (error) => { console.log(error.code); process.exit(0); });
  socket.on('data', (bytes) => process.stdout.write(bytes));
  socket.on('close', () => process.exit(0));`;

/** Applications that know nothing of a mesh, each a process in a network namespace. */
export class Applications {
  readonly #children = new Set<ChildProcess>();

  /** Says its caller's address and then what the caller says. Resolves once it listens. */
  async serve(of: Namespace, port: number): Promise<void> {
    const child = this.#start(of, serverCode, [String(port)]);
    const [line] = (await once(createInterface(child.stdout!), 'line')) as string[];
    if (line !== 'listens') throw new Error(`the server said ${line}`);
  }

  /** Connects, says `words` and ends. Gives all that came until the connection was closed, or the name of its error. */
  async call(from: Namespace, host: string, port: number, words: string): Promise<string> {
    return text(this.#start(from, callerCode, [host, String(port), words]).stdout!);
  }

  /** Connects and stays. Resolves with the process once something came. */
  async stay(from: Namespace, host: string, port: number): Promise<ChildProcess> {
    const child = this.#start(from, callerCode, [host, String(port)]);
    await once(child.stdout!, 'data');
    return child;
  }

  async stop(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }

  #start(of: Namespace, code: string, args: readonly string[]): ChildProcess {
    const child = spawnIn(of.descriptor, process.execPath, ['-e', code, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }
}
