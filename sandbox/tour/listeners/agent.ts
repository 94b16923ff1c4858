import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary, openStream } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService, discoveryService } from '@isthmus/api/grpc/services.ts';
import { proxyTypes } from '@isthmus/api/wire/type-urls.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { agentStateDir } from '../../processes/programs.ts';
import type { Sandbox } from '../../up.ts';
import { refusalOf } from './refusal.ts';

interface Caller {
  readonly token: string | undefined;
  /** Shown to the agent's TLS, which asks for none. */
  readonly certificate?: Credentials | undefined;
}

const deadline = (): Date => new Date(systemClock.now() + 5000);

const headersOf = ({ token }: Caller): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

function clientOf(sandbox: Sandbox, cluster: string, { certificate }: Caller): Client {
  const agent = sandbox.clusters.find(({ name }) => name === cluster)?.agentAddress ?? '';
  const roots = readFileSync(join(agentStateDir(sandbox.place, cluster), 'xds-root.pem'), 'utf8');
  const trust = trustServer(agent, roots);
  const secure = certificate
    ? credentials.createSsl(
        ...([roots, certificate.key, certificate.chain].map((pem) => Buffer.from(pem)) as [
          Buffer,
          Buffer,
          Buffer,
        ]),
        { checkServerIdentity: () => undefined },
      )
    : trust.credentials;
  return new Client(boundTarget(`${agent}:15012`, agent), secure, { ...channelOptions(4), ...trust.options });
}

/** Asks a cluster's certificate service; gives the chain, or the gRPC status and why. */
export async function requestCertificate(
  sandbox: Sandbox,
  cluster: string,
  caller: Caller & { readonly impersonate?: string },
): Promise<{ chain: readonly string[]; key: string } | string> {
  const client = clientOf(sandbox, cluster, caller);
  const key = generateKey();
  const request = {
    csr: createCsr(key),
    validitySeconds: 3600,
    impersonatedIdentity: caller.impersonate ?? '',
  };
  try {
    const options = { headers: headersOf(caller), deadline: deadline() };
    const chain = await callUnary(client, certificateService.createCertificate, request, options);
    return { chain, key: privateKeyPem(key.privateKey) };
  } catch (error) {
    return refusalOf(error);
  } finally {
    client.close();
  }
}

/** Asks a cluster's discovery for everything, as the proxy that it says to be; `DATA`, or the gRPC status and why. */
export function discover(
  sandbox: Sandbox,
  cluster: string,
  caller: Caller,
  pod: { readonly name: string; readonly namespace: string },
): Promise<string> {
  const client = clientOf(sandbox, cluster, caller);
  return new Promise((resolve) => {
    const stream = openStream(client, discoveryService.deltaAggregatedResources, headersOf(caller), {
      deadline: deadline(),
    });
    const finish = (text: string) => {
      stream.cancel();
      client.close();
      resolve(text);
    };
    stream.on('data', () => finish('DATA'));
    stream.on('error', (error) => finish(refusalOf(error)));
    stream.on('end', () => finish('ENDED'));
    // No pod has this address: a true proxy's own stream must not be taken over.
    const id = `ztunnel~127.${sandbox.place.octet}.16.252~${pod.name}.${pod.namespace}~${pod.namespace}.svc.cluster.local`;
    for (const request of new ClientSession(proxyTypes).open())
      stream.write({ node: { id, cluster, metadata: {} }, request });
  });
}
