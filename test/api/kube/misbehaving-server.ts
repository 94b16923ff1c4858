import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCa } from '../../fakes/server-pair.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTPS server on loopback that answers as a test says, and a folder with kubeconfigs for it. */
export class MisbehavingServer {
  answer: Answer = (_, response) => response.end('{}');
  readonly requests: { readonly method: string; readonly url: string; readonly authorization: string }[] = [];
  readonly ca = new ServerCa();
  readonly folder = mkdtempSync(join(tmpdir(), 'isthmus-kube-'));
  readonly #server: Server;
  connections = 0;
  resumed = 0;

  constructor(hosts: readonly string[] = ['127.0.0.1']) {
    this.#server = createServer(this.ca.issue(hosts), (request, response) => {
      const { method = '', url = '', headers } = request;
      this.requests.push({ method, url, authorization: headers.authorization ?? '' });
      this.answer(request, response);
    });
    this.#server.on('secureConnection', (socket) => {
      this.connections++;
      if (socket.isSessionReused()) this.resumed++;
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends all connections that wait for a request. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** The path of a kubeconfig. */
  kubeconfig(
    over: { readonly cluster?: object; readonly user?: object; readonly context?: object } = {},
  ): string {
    return this.write(
      'kubeconfig',
      JSON.stringify({
        clusters: [
          {
            name: 'test',
            cluster: {
              server: `https://127.0.0.1:${this.port}`,
              ['certificate-authority-data']: Buffer.from(this.ca.pem).toString('base64'),
              ...over.cluster,
            },
          },
        ],
        users: [{ name: 'me', user: over.user ?? { token: 'secret-token' } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'me', ...over.context } }],
        ['current-context']: 'test',
      }),
    );
  }
}
