import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary, openStream } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService, linkService } from '@isthmus/api/grpc/services.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem, readPrivateKey } from '@isthmus/mesh/pki/key.ts';
import { fileKeyProvider, unseal } from '@isthmus/mesh/pki/seal.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Issuer } from '@isthmus/mesh/pki/issue.ts';
import { X509Certificate } from 'node:crypto';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { agentStateDir, podDir } from '../processes/programs.ts';
import type { Sandbox } from '../up.ts';

interface CsrCall {
  readonly token: string | undefined;
  readonly impersonate?: string;
  /** Shown to the agent's TLS, which asks for none. */
  readonly certificate?: Credentials | undefined;
}

const nameOf = (code: number): string => status[code] ?? String(code);

/** Asks a cluster's certificate service; gives the chain, or the gRPC status and why. */
export async function requestCertificate(
  sandbox: Sandbox,
  cluster: string,
  call: CsrCall,
): Promise<{ chain: readonly string[]; key: string } | string> {
  const agent = sandbox.clusters.find(({ name }) => name === cluster)?.agentAddress ?? '';
  const roots = readFileSync(join(agentStateDir(sandbox.place, cluster), 'xds-root.pem'), 'utf8');
  const trust = trustServer(agent, roots);
  const secure = call.certificate
    ? credentials.createSsl(
        Buffer.from(roots),
        Buffer.from(call.certificate.key),
        Buffer.from(call.certificate.chain),
        { checkServerIdentity: () => undefined },
      )
    : trust.credentials;
  const client = new Client(boundTarget(`${agent}:15012`, agent), secure, {
    ...channelOptions(4),
    ...trust.options,
  });
  const key = generateKey();
  const headers: Record<string, string> =
    call.token === undefined ? {} : { authorization: `Bearer ${call.token}` };
  const request = {
    csr: createCsr(key),
    validitySeconds: 3600,
    impersonatedIdentity: call.impersonate ?? '',
  };
  try {
    const chain = await callUnary(client, certificateService.createCertificate, request, {
      headers,
      deadline: new Date(systemClock.now() + 5000),
    });
    return { chain, key: privateKeyPem(key.privateKey) };
  } catch (error) {
    const { code, details } = error as { code: number; details: string };
    return `${nameOf(code)}: ${details}`;
  } finally {
    client.close();
  }
}

export const tokenOf = (sandbox: Sandbox, cluster: string, name: string, namespace = 'shop'): string =>
  readFileSync(join(podDir(sandbox.place, cluster, { namespace, name }), 'token'), 'utf8').trim();

/** A true certificate of a pod, as its own token gets it. */
export async function memberLeaf(sandbox: Sandbox, cluster: string, pod: string): Promise<Credentials> {
  const answer = await requestCertificate(sandbox, cluster, { token: tokenOf(sandbox, cluster, pod) });
  if (typeof answer === 'string') throw new Error(`${cluster} gave ${pod} no certificate: ${answer}`);
  return { identity: pod, key: answer.key, chain: answer.chain.slice(0, -1).join('') };
}

/** A cluster's intermediate with its key, as only who has its disk and sealing key can have it. */
export function clusterIssuer(sandbox: Sandbox, cluster: string): Issuer {
  const dir = agentStateDir(sandbox.place, cluster);
  const saved = JSON.parse(readFileSync(join(dir, 'intermediate.json'), 'utf8')) as {
    current: { sealedKey: string; chain: string[] };
  };
  const provider = fileKeyProvider(join(dir, 'sealing-key'), systemRandom);
  const privateKey = readPrivateKey(unseal(saved.current.sealedKey, 'intermediate key', provider));
  return { certificate: new X509Certificate(saved.current.chain[0] ?? ''), privateKey };
}

/** Tries to open the hub's link with some certificate: OPEN when the hub answers on it, else why not. */
export function tryLink(sandbox: Sandbox, certificate: Credentials | undefined): Promise<string> {
  const [first] = sandbox.clusters;
  const dir = agentStateDir(sandbox.place, first?.name ?? '');
  const { ca } = JSON.parse(readFileSync(join(dir, 'link.json'), 'utf8')) as { ca: string };
  const secure = credentials.createSsl(
    Buffer.from(ca),
    certificate ? Buffer.from(certificate.key) : null,
    certificate ? Buffer.from(certificate.chain) : null,
    { checkServerIdentity: () => undefined },
  );
  const hub = `127.${sandbox.place.octet}.0.1`;
  const options = { ...channelOptions(4), 'grpc.ssl_target_name_override': 'address.invalid' };
  const client = new Client(boundTarget(`${hub}:15101`, first?.agentAddress ?? ''), secure, options);
  return new Promise((resolve) => {
    const stream = openStream(client, linkService.sync, {}, { deadline: new Date(systemClock.now() + 4000) });
    const finish = (text: string) => {
      stream.cancel();
      client.close();
      resolve(text);
    };
    stream.on('data', () => finish('OPEN'));
    stream.on('error', (error: Error & { code: number }) => finish(nameOf(error.code)));
    stream.on('end', () => finish('ENDED'));
  });
}
