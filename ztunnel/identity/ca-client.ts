import { readFileSync } from 'node:fs';
import { Client } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { ownIdentity, type ProxyConfig } from '../configuration.ts';
import { parseControlPlane } from '../xds/control-plane.ts';

const daySeconds = 86_400;

/** Asks the cluster's certificate service; a node's proxy names the pod's identity for which it asks. */
export class CaClient {
  readonly #config: ProxyConfig;
  readonly #clock: Clock;
  #client: Client | undefined;

  constructor(config: ProxyConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  request(identity: string, csr: string): Promise<readonly string[]> {
    const { tokenFile, cluster } = this.#config;
    const headers = { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`, clusterid: cluster };
    const impersonatedIdentity = identity === ownIdentity(this.#config) ? '' : identity;
    const request = { csr, validitySeconds: daySeconds, impersonatedIdentity };
    return callUnary(this.#connected(), certificateService.createCertificate, request, {
      headers,
      deadline: new Date(this.#clock.now() + 10_000),
    });
  }

  #connected(): Client {
    if (this.#client) return this.#client;
    const { caAddress, caRootCa, address } = this.#config;
    const { host, port } = parseControlPlane(caAddress);
    const trust = trustServer(host, readFileSync(caRootCa, 'utf8'));
    this.#client = new Client(boundTarget(`${host}:${port}`, address), trust.credentials, {
      ...channelOptions(4),
      ...trust.options,
    });
    return this.#client;
  }
}
