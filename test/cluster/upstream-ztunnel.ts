import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Found } from './agent-client.ts';
import { until } from './measured.ts';
import { giveCredentials } from './node-proxy.ts';
import type { ClusterTool } from './tool.ts';
import type { World } from './world.ts';

/** A service as ztunnel's config dump shows it; `ports` by the service's own. */
interface Dumped {
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** Prints the services of the config dump, each time that they differ. Runs beside ztunnel, in the node's namespaces. */
const watcher = `
let before = '';
const look = async () => {
  const answer = await fetch('http://127.0.0.1:15000/config_dump').catch(() => undefined);
  const dump = answer && (await answer.json());
  const services = JSON.stringify((dump?.services ?? []).map(({ name, namespace, hostname, ports }) => ({ name, namespace, hostname, ports })));
  if (services !== before) console.log(before = services);
  setTimeout(look, 20);
};
look();`;

/** Istio's own ztunnel on a node of a cluster, unmodified, with the agent of that cluster as its control plane. */
export class UpstreamZtunnel {
  readonly #children: readonly ChildProcess[];
  readonly #logFile: string;
  #services: readonly Dumped[] = [];

  private constructor(children: readonly ChildProcess[], logFile: string) {
    this.#children = children;
    this.#logFile = logFile;
    const [, watching] = children;
    if (watching?.stdout)
      createInterface({ input: watching.stdout }).on('line', (line) => {
        this.#services = JSON.parse(line) as Dumped[];
      });
  }

  static async open({ east, home }: World, tool: ClusterTool, binary: string): Promise<UpstreamZtunnel> {
    const node = await giveCredentials(east, home);
    const address = await east.kubectl([
      ...['-n', 'isthmus-system', 'get', 'service', 'isthmus-agent'],
      ...['-o', 'jsonpath={.spec.clusterIP}'],
    ]);
    const logFile = join(home, 'upstream-ztunnel.log');
    const log = openSync(logFile, 'a', 0o600);
    const place = `east/${node.replace('east-', '')}`;
    const settings = Object.entries(environment(address, node, home)).map(
      ([name, value]) => `${name}=${value}`,
    );
    const ztunnel = tool.start(place, ['env', ...settings, binary], [log, log]);
    closeSync(log);
    const watching = tool.start(place, [process.execPath, '-e', watcher], ['pipe', 'inherit']);
    return new UpstreamZtunnel([ztunnel, watching], logFile);
  }

  /** How long it takes until what it has is so, milliseconds. Its log is in the error. */
  async until(what: string, limit: number, isSo: (found: Found) => boolean): Promise<number> {
    const found: Found = {
      portsOf: (service) => {
        const dumped = this.#services.find((one) => `${one.namespace}/${one.hostname}` === service);
        return dumped && Object.keys(dumped.ports).map(Number);
      },
    };
    try {
      return (await until(what, limit, () => Promise.resolve(isSo(found) || undefined))).millis;
    } catch (error) {
      throw new Error(`${String(error)}\n${readFileSync(this.#logFile, 'utf8').slice(-2000)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    const running = this.#children.filter(({ exitCode }) => exitCode === null);
    const ended = running.map((child) => once(child, 'exit'));
    for (const child of running) child.stdin?.end();
    await Promise.all(ended);
  }
}

const host = 'isthmus-agent.isthmus-system.svc';

function environment(address: string, node: string, folder: string): Readonly<Record<string, string>> {
  const [root, controlPlane] = [join(folder, 'xds-root.pem'), `https://${address}:15012`];
  return {
    PROXY_MODE: 'dedicated',
    PROXY_WORKLOAD_INFO: 'istio-system/ztunnel/ztunnel',
    NODE_NAME: node,
    POD_NAME: 'ztunnel',
    POD_NAMESPACE: 'istio-system',
    INSTANCE_IP: '127.0.0.1',
    CLUSTER_ID: 'east',
    AUTH_TOKEN: join(folder, 'xds-token'),
    XDS_ADDRESS: controlPlane,
    CA_ADDRESS: controlPlane,
    XDS_ROOT_CA: root,
    CA_ROOT_CA: root,
    // The certificate names the Service; a node resolves no names of Services.
    ALT_XDS_HOSTNAME: host,
    ALT_CA_HOSTNAME: host,
    ISTIO_META_DNS_CAPTURE: 'false',
    ENABLE_ORIG_SRC: 'false',
    IPV6_ENABLED: 'false',
    RUST_LOG: 'info',
  };
}
