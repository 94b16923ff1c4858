import { readFileSync } from 'node:fs';
import type { Issuer } from '@isthmus/mesh/pki/issue.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { metricSum } from '@isthmus/sandbox/observe/stats.ts';
import { issuerIn } from '@isthmus/sandbox/tour/member.ts';
import { until } from '@isthmus/sandbox/processes/wait.ts';
import { timeScale } from './measured.ts';
import { rssOf } from './rss.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';

/** What is attacked: the ztunnel of a cluster of one node, a process of its own, with a hub and an agent behind it. */
export class AttackTarget {
  readonly cluster: OneNodeCluster;
  readonly #hub: TestHub;
  readonly #startedPid: number;
  /** Of the pod that is called; its HBONE port is where the proxy is attacked. */
  readonly address: string;

  private constructor(hub: TestHub, cluster: OneNodeCluster, address: string) {
    this.#hub = hub;
    this.cluster = cluster;
    this.address = address;
    this.#startedPid = cluster.proxy.pid;
  }

  static async start(): Promise<AttackTarget> {
    const hub = await startTestHub();
    const cluster = new OneNodeCluster('east', hub);
    try {
      await cluster.newToken();
      await cluster.startAgent();
      await cluster.startProxy();
      const limit = { within: 30_000 * timeScale };
      await until(
        systemClock,
        'the first call',
        async () => ((await cluster.call()) ? true : undefined),
        limit,
      );
      const env = await cluster.podEnv('cart');
      return new AttackTarget(hub, cluster, env['POD_IP']!);
    } catch (error) {
      await cluster.stop();
      await hub.stop();
      throw error;
    }
  }

  /** The echo behind the pod. */
  get authority(): string {
    return `${this.address}:9080`;
  }

  /** The cluster's own intermediate, with which any certificate of its workloads can be made. */
  get issuer(): Issuer {
    return issuerIn(this.cluster.path('.'));
  }

  /** A true certificate of a service account in the namespace `shop`. */
  leaf(account: string): Credentials {
    const identity = `spiffe://cluster.local/ns/shop/sa/${account}`;
    const { issuer } = this;
    const key = generateKey();
    const leaf = issueLeaf(identity, key.publicKey, issuer, { now: Date.now() }, systemRandom);
    const chain = certificatePem(leaf) + certificatePem(issuer.certificate);
    return { identity, key: privateKeyPem(key.privateKey), chain };
  }

  /** True while the proxy is the process that was started. */
  get alive(): boolean {
    return this.cluster.proxy.pid === this.#startedPid && this.rss > 0;
  }

  /** Bytes of the proxy that are in memory. */
  get rss(): number {
    return rssOf(this.#startedPid);
  }

  /** Milliseconds of processor time that the proxy has used; the kernel counts in hundredths of a second. */
  get cpuMillis(): number {
    const fields = readFileSync(`/proc/${this.#startedPid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  metric(name: string): Promise<number> {
    return metricSum(`http://${this.cluster.proxyAddress}:15020/metrics`, name);
  }

  /** What the proxy has logged, all of it. */
  log(): string {
    return this.cluster.proxy.log();
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.#hub.stop();
  }
}
