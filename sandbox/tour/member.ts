import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issuer } from '@isthmus/mesh/pki/issue.ts';
import { readPrivateKey } from '@isthmus/mesh/pki/key.ts';
import { fileKeyProvider, unseal } from '@isthmus/mesh/pki/seal.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { agentStateDir, podDir } from '../processes/programs.ts';
import type { Sandbox } from '../up.ts';
import { requestCertificate } from './listeners/agent.ts';

export const tokenOf = (sandbox: Sandbox, cluster: string, name: string, namespace = 'shop'): string =>
  readFileSync(join(podDir(sandbox.place, cluster, { namespace, name }), 'token'), 'utf8').trim();

/** A true certificate of a pod, as its own token gets it. */
export async function memberLeaf(sandbox: Sandbox, cluster: string, pod: string): Promise<Credentials> {
  const answer = await requestCertificate(sandbox, cluster, { token: tokenOf(sandbox, cluster, pod) });
  if (typeof answer === 'string') throw new Error(`${cluster} gave ${pod} no certificate: ${answer}`);
  return { identity: pod, key: answer.key, chain: answer.chain.slice(0, -1).join('') };
}

/** A cluster's intermediate with its key, as only who has its disk and sealing key can have it. */
export const clusterIssuer = (sandbox: Sandbox, cluster: string): Issuer =>
  issuerIn(agentStateDir(sandbox.place, cluster));

/** The same, from the state folder of the cluster's agent. */
export function issuerIn(dir: string): Issuer {
  const saved = JSON.parse(readFileSync(join(dir, 'intermediate.json'), 'utf8')) as {
    current: { sealedKey: string; chain: string[] };
  };
  const provider = fileKeyProvider(join(dir, 'sealing-key'), systemRandom);
  const privateKey = readPrivateKey(unseal(saved.current.sealedKey, 'intermediate key', provider));
  return { certificate: new X509Certificate(saved.current.chain[0] ?? ''), privateKey };
}
