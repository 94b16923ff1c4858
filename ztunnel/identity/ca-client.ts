import { Client } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { readTextAsync } from '@isthmus/mesh/process/read-text.ts';
import { ownIdentity, type ProxyConfig } from '../configuration.ts';
import { parseControlPlane } from '../xds/control-plane.ts';

const daySeconds = 86_400;
const deadlineMillis = 10_000;

/** Asks the cluster's certificate service; a node's proxy names the pod's identity for which it asks. */
export class CaClient {
  readonly #config: ProxyConfig;
  readonly #clock: Clock;
  #client: Promise<Client> | undefined;

  constructor(config: ProxyConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** PEM, leaf first, the root last. Throws the service's gRPC status, or what kept it from being reached. */
  async request(identity: string, csr: string): Promise<readonly string[]> {
    const { mode, tokenFile, cluster } = this.#config;
    const token = (await readTextAsync(tokenFile)).trim();
    const own = mode !== 'shared' || identity === ownIdentity(this.#config);
    const request = { csr, validitySeconds: daySeconds, impersonatedIdentity: own ? '' : identity };
    const client = await (this.#client ??= this.#connect());
    try {
      return await callUnary(client, certificateService.createCertificate, request, {
        headers: { authorization: `Bearer ${token}`, clusterid: cluster },
        deadline: new Date(this.#clock.now() + deadlineMillis),
      });
    } catch (error) {
      this.#reconnect(client);
      throw error;
    }
  }

  /** The next request reads the root again: it may have been replaced since. */
  #reconnect(client: Client): void {
    this.#client = undefined;
    // Others may still wait for their answers on it.
    this.#clock.after(deadlineMillis, () => client.close());
  }

  async #connect(): Promise<Client> {
    try {
      const { caAddress, caRootCa, address } = this.#config;
      const { host, port } = parseControlPlane(caAddress);
      const trust = trustServer(host, await readTextAsync(caRootCa));
      const options = { ...channelOptions(4), ...trust.options };
      return new Client(boundTarget(`${host}:${port}`, address), trust.credentials, options);
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }
}
