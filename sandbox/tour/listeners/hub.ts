import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { joiningService, linkService } from '@isthmus/api/grpc/services.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { fileKeyProvider, unseal } from '@isthmus/mesh/pki/seal.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import type { Listener } from './listener.ts';
import { agentStateDir } from '../../processes/programs.ts';
import type { Sandbox } from '../../up.ts';
import { refusalOf } from './refusal.ts';

/** What an agent keeps of its membership. */
export interface Membership {
  readonly hubId: string;
  readonly key: string;
  readonly chain: string;
  readonly ca: string;
}

/** As somebody has it who took the agent's whole folder: the key is sealed, and what unseals it lies beside. */
export function membershipOf(sandbox: Sandbox, cluster: string): Membership {
  const at = (name: string) => join(agentStateDir(sandbox.place, cluster), name);
  const { sealedKey, ...rest } = JSON.parse(readFileSync(at('link.json'), 'utf8')) as Sealed;
  return { ...rest, key: unseal(sealedKey, 'link key', fileKeyProvider(at('sealing-key'), systemRandom)) };
}

type Sealed = Omit<Membership, 'key'> & { readonly sealedKey: string };

export const linkName = ({ hubId }: Membership, cluster: string): string =>
  `spiffe://link.${hubId}/cluster/${cluster}`;

function clientOf(
  sandbox: Sandbox,
  port: number,
  certificate: Pick<Credentials, 'key' | 'chain'> | undefined,
): Client {
  const [first] = sandbox.clusters;
  const { ca } = membershipOf(sandbox, first?.name ?? '');
  const secure = credentials.createSsl(
    Buffer.from(ca),
    certificate ? Buffer.from(certificate.key) : null,
    certificate ? Buffer.from(certificate.chain) : null,
    { checkServerIdentity: () => undefined },
  );
  const options = { ...channelOptions(4), 'grpc.ssl_target_name_override': 'address.invalid' };
  return new Client(
    boundTarget(`127.${sandbox.place.octet}.0.1:${port}`, first?.agentAddress ?? ''),
    secure,
    options,
  );
}

/** The listener of the link, reached from the address of east's agent. */
export const linkListener = (sandbox: Sandbox): Listener => ({
  host: `127.${sandbox.place.octet}.0.1`,
  port: 15_101,
  alpn: 'h2',
  localAddress: sandbox.clusters[0]?.agentAddress ?? '',
});

/** The status by which the link answers a caller that it accepts as an agent: the request could not be read. */
export const takenForAgent = 'INVALID_ARGUMENT';

/**
 * Asks on the hub's link for a certificate with a request that nobody could grant, and gives the gRPC status and why: it
 * is judged who asks before it is read what is asked, and nothing of a true agent's streams is disturbed.
 */
export async function askLink(
  sandbox: Sandbox,
  certificate: Pick<Credentials, 'key' | 'chain'> | undefined,
): Promise<string> {
  const client = clientOf(sandbox, 15_101, certificate);
  try {
    await callUnary(client, linkService.renewLink, { linkCsr: 'no request' }, { deadline: deadline() });
    return 'a certificate';
  } catch (error) {
    return refusalOf(error);
  } finally {
    client.close();
  }
}

/** Joins once more with the token that a cluster has joined with; the gRPC status and why, or `JOINED`. */
export async function joinAgain(sandbox: Sandbox, cluster: string): Promise<string> {
  const client = clientOf(sandbox, 15_102, undefined);
  const token = readFileSync(join(sandbox.place.stateDir, cluster, 'join-token'), 'utf8').trim();
  const text = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url').toString();
  const { secret } = JSON.parse(text) as { secret: string };
  const request = { cluster, secret, linkCsr: createCsr(generateKey()), agentVersion: 'tour' };
  try {
    await callUnary(client, joiningService.join, request, { deadline: deadline() });
    return 'JOINED';
  } catch (error) {
    return refusalOf(error);
  } finally {
    client.close();
  }
}

const deadline = (): Date => new Date(systemClock.now() + 5000);
