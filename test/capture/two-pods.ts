import { join } from '../fakes/network-namespaces.ts';
import { TrafficEnd } from '../mesh/redirection/traffic-ends.ts';
import type { NodePod, TestNode } from './node.ts';

/** A pod that calls another one, at an application that greets each caller and says again what it hears. */
export class TwoPods {
  readonly client: NodePod;
  readonly server: NodePod;
  readonly inClient: TrafficEnd;
  readonly inServer: TrafficEnd;

  private constructor(client: NodePod, server: NodePod, inClient: TrafficEnd, inServer: TrafficEnd) {
    this.client = client;
    this.server = server;
    this.inClient = inClient;
    this.inServer = inServer;
  }

  /** `subnet`: the first three bytes of their addresses. */
  static async start(node: TestNode, subnet: string): Promise<TwoPods> {
    const client = node.pod('client', `${subnet}.1`);
    const server = node.pod('server', `${subnet}.2`);
    join(client.namespace, server.namespace, { left: [`${subnet}.1/24`], right: [`${subnet}.2/24`] });
    const [inClient, inServer] = await Promise.all([
      TrafficEnd.start(client.namespace),
      TrafficEnd.start(server.namespace),
    ]);
    await inServer.ask({ op: 'listen', host: '0.0.0.0', port: 8080, banner: 'application' });
    return new TwoPods(client, server, inClient, inServer);
  }

  /** What the client hears first on a new connection. */
  call(id: string): Promise<string> {
    return this.inClient.ask({ op: 'dial', id, host: this.server.address, port: 8080 });
  }

  /** What it hears after it has said the connection's own name there. */
  say(id: string): Promise<string> {
    return this.inClient.ask({ op: 'say', id, text: id });
  }

  async stop(): Promise<void> {
    await Promise.all([this.inClient.stop(), this.inServer.stop()]);
  }

  /** After the node, which takes its rules out of them. */
  remove(): void {
    for (const { namespace } of [this.client, this.server]) namespace.remove();
  }
}
