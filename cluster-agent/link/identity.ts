import { createHash, createPublicKey } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, status, type ServiceError } from '@grpc/grpc-js';
import type { JoinResponse } from '@isthmus/api/domain/membership.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { joiningService } from '@isthmus/api/grpc/services.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { hostOf, portOf } from '@isthmus/mesh/net/host-port.ts';
import { generateKey, privateKeyPem, readPrivateKey, type KeyPair } from '@isthmus/mesh/pki/key.ts';
import { fileKeyProvider, seal, unseal, type KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import { parseTrustDomain, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import { AgentError } from '../agent-error.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import type { Kept } from '../kept/kept.ts';
import { HubEpochs } from './hub-epochs.ts';
import { fetchPinnedCa } from './pinned-ca.ts';
import { readJoinToken, type JoinTicket } from './token.ts';

/** What makes an agent a member: kept in a 0600 file with its key sealed, renewed by the link itself. */
export interface LinkIdentity {
  readonly cluster: string;
  readonly hubId: string;
  readonly trustDomain: TrustDomain;
  /** host:port of the link, as the hub has named them last. */
  readonly endpoints: readonly string[];
  /** Those before the last change of them, which led to the hub. */
  readonly earlierEndpoints?: readonly string[];
  /** PEM. */
  readonly key: string;
  readonly chain: string;
  readonly ca: string;
  /** SHA-256 of the secret of the token by which it joined, hex: that token is not used again. */
  readonly joinedBy?: string;
}

interface JoinOptions {
  readonly cluster: string;
  readonly stateDir: string;
  readonly tokenFile: string | undefined;
  readonly localAddress: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  /** Keeps what is written beyond the state folder. */
  readonly kept?: Pick<Kept, 'keep'>;
}

const fileOf = (stateDir: string): string => join(stateDir, 'link.json');
/** The key that asks to join, until it has been let in: an answer may be lost, and only this key is answered again. */
const joiningFileOf = (stateDir: string): string => join(stateDir, 'joining-key');

const purpose = 'link key';

/**
 * The identity of an earlier start, or a new one by the token: one call, to a hub that the token pins. A token other
 * than the one by which it joined makes it join again. Throws UNSEAL_FAILED, JOIN_TOKEN, NOT_JOINED, CA_NOT_PINNED,
 * HUB_UNREACHABLE or JOIN_REFUSED with what to do.
 */
export async function linkIdentity(options: JoinOptions): Promise<LinkIdentity> {
  const known = readLinkIdentity(options.stateDir, options.random);
  if (!known) return joinFirst(options);
  try {
    return (await joinAgain(known, options)) ?? known;
  } catch (error) {
    // The membership that it has may be good, and is not given up for a token that is not.
    const why = error instanceof Error ? error.message : String(error);
    const message = 'the new join token was not used; going on with the membership that this agent has';
    options.log?.error({ tokenFile: options.tokenFile, error: why }, message);
    return known;
  }
}

async function joinFirst(options: JoinOptions): Promise<LinkIdentity> {
  if (options.tokenFile === undefined)
    throw new AgentError(
      'NOT_JOINED',
      `cluster ${options.cluster} has not joined: give --join-token-file with a token of isthmus token ${options.cluster}`,
    );
  return joinWith(readTicket(options.tokenFile, options, options.clock.now()), options);
}

/**
 * Joins again by a token that is not the one that this identity came from: the cluster was revoked, or an operator wants
 * it installed again. undefined when there is no such token; the one of the first start may lie there for ever.
 */
async function joinAgain(known: LinkIdentity, options: JoinOptions): Promise<LinkIdentity | undefined> {
  const { tokenFile, log } = options;
  if (tokenFile === undefined || !existsSync(tokenFile)) return undefined;
  const ticket = readTicket(tokenFile, options, 0);
  if (known.joinedBy === hashOf(ticket)) return undefined;
  // Before `joinedBy` was written down, a token that is past its time was the one of the first start.
  if (known.joinedBy === undefined && ticket.expiresAt <= options.clock.now()) return undefined;
  const identity = await joinWith(readTicket(tokenFile, options, options.clock.now()), options);
  log?.info({ cluster: options.cluster, tokenFile }, 'joined again by a new token');
  return identity;
}

/** Throws JOIN_TOKEN. `now`: epoch milliseconds. */
function readTicket(tokenFile: string, { cluster }: JoinOptions, now: number): JoinTicket {
  const ticket = readJoinToken(readText(tokenFile));
  if (!ticket.ok) throw new AgentError('JOIN_TOKEN', `${tokenFile}: ${ticket.error}`);
  if (ticket.value.cluster !== cluster)
    throw new AgentError(
      'JOIN_TOKEN',
      `the token is for cluster '${ticket.value.cluster}', and this agent runs as '${cluster}'`,
    );
  if (ticket.value.expiresAt <= now)
    throw new AgentError('JOIN_TOKEN', 'the token has expired: create a new one with isthmus token');
  return ticket.value;
}

async function joinWith(ticket: JoinTicket, options: JoinOptions): Promise<LinkIdentity> {
  joiningKey(options);
  // The hub's answer may be lost with this pod, and only this key is answered again.
  await options.kept?.keep();
  const byAnother = readLinkIdentity(options.stateDir, options.random);
  if (byAnother?.joinedBy === hashOf(ticket)) return byAnother;
  const joined = await joinBy(ticket, joiningKey(options), options);
  const identity = { ...joined, joinedBy: hashOf(ticket) };
  new HubEpochs(options.stateDir, silentLog).forget(identity.hubId);
  saveLinkIdentity(options.stateDir, identity, options.random);
  rmSync(joiningFileOf(options.stateDir), { force: true });
  await options.kept?.keep();
  return identity;
}

const hashOf = ({ secret }: JoinTicket): string => createHash('sha256').update(secret).digest('hex');

const providerOf = (stateDir: string, random: Random): KeyProvider =>
  fileKeyProvider(join(stateDir, 'sealing-key'), random);

/** As it is in the state folder. Throws LINK_FILE or UNSEAL_FAILED. */
export function readLinkIdentity(stateDir: string, random: Random): LinkIdentity | undefined {
  const file = fileOf(stateDir);
  if (!existsSync(file)) return undefined;
  const { sealedKey, ...rest } = parseIdentity(file, readText(file));
  const trustDomain = parseTrustDomain(rest.trustDomain);
  if (!trustDomain.ok) throw damaged(file, new Error(`trustDomain: ${trustDomain.error}`));
  return {
    ...rest,
    trustDomain: trustDomain.value,
    key: unseal(sealedKey, purpose, providerOf(stateDir, random)),
  };
}

function parseIdentity(file: string, text: string): SavedIdentity {
  try {
    return JSON.parse(text) as SavedIdentity;
  } catch (cause) {
    throw damaged(file, cause);
  }
}

const damaged = (file: string, cause: unknown): AgentError =>
  new AgentError(
    'LINK_FILE',
    `${file} is damaged: restore it from a backup, or remove it and join again with a new token (${String(cause)})`,
    { cause },
  );

type SavedIdentity = Omit<LinkIdentity, 'key' | 'trustDomain'> & {
  readonly sealedKey: string;
  readonly trustDomain: string;
};

export function saveLinkIdentity(stateDir: string, { key, ...rest }: LinkIdentity, random: Random): void {
  const sealedKey = seal(key, purpose, providerOf(stateDir, random), random);
  writeWhole(fileOf(stateDir), JSON.stringify({ ...rest, sealedKey } satisfies SavedIdentity));
}

function joiningKey({ stateDir, random }: JoinOptions): KeyPair {
  const file = joiningFileOf(stateDir);
  const provider = providerOf(stateDir, random);
  if (!existsSync(file))
    writeWhole(file, seal(privateKeyPem(generateKey().privateKey), purpose, provider, random));
  const privateKey = readPrivateKey(unseal(readText(file), purpose, provider));
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** The hub's replicas in turn, each for this long, milliseconds; where none has answered, again and for longer. */
const rounds = [3000, 10_000];

/** The hub's replicas in turn, until one answers; a refusal is the answer of all. */
async function joinBy(ticket: JoinTicket, key: KeyPair, options: JoinOptions): Promise<LinkIdentity> {
  let last: unknown;
  for (const timeoutMillis of ticket.joinEndpoints.length > 1 ? rounds : rounds.slice(-1))
    for (const endpoint of ticket.joinEndpoints) {
      try {
        return await joinAt(endpoint, ticket, key, { ...options, timeoutMillis });
      } catch (error) {
        if (!(error instanceof AgentError) || error.code !== 'HUB_UNREACHABLE') throw error;
        last = error;
      }
    }
  throw last;
}

async function joinAt(
  endpoint: string,
  ticket: JoinTicket,
  key: KeyPair,
  { localAddress, cluster, clock, timeoutMillis }: JoinOptions & { readonly timeoutMillis: number },
): Promise<LinkIdentity> {
  const [host, port] = [hostOf(endpoint), portOf(endpoint)];
  const ca = await fetchPinnedCa({ host, port, localAddress, timeoutMillis }, ticket.caHash, clock);
  const { credentials, options } = trustServer(host, certificatePem(ca));
  const client = new Client(boundTarget(endpoint, localAddress), credentials, {
    ...channelOptions(4),
    ...options,
  });
  try {
    const request = { cluster, secret: ticket.secret, linkCsr: createCsr(key), agentVersion: version };
    const deadline = new Date(clock.now() + callMillis);
    const answer: JoinResponse = await callUnary(client, joiningService.join, request, { deadline });
    return {
      cluster: answer.clusterId,
      hubId: answer.hubId,
      trustDomain: answer.trustDomain,
      endpoints: answer.linkEndpoints,
      key: privateKeyPem(key.privateKey),
      chain: answer.linkChain.join(''),
      ca: answer.linkCa,
    };
  } catch (cause) {
    throw joinError(endpoint, cause as ServiceError);
  } finally {
    client.close();
  }
}

/** For the call itself, once the hub is known to be there. */
const callMillis = 10_000;
const noAnswer: readonly status[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED];

/** That a replica did not answer, or cannot at present, is not a refusal: the key that asked is answered by another one. */
function joinError(endpoint: string, cause: ServiceError): AgentError {
  return noAnswer.includes(cause.code)
    ? new AgentError('HUB_UNREACHABLE', `the hub at ${endpoint} did not answer: ${cause.details}`, { cause })
    : new AgentError(
        'JOIN_REFUSED',
        `the hub at ${endpoint} did not take this cluster in: ${cause.details}`,
        { cause },
      );
}
