import { readFileSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { Client } from '@grpc/grpc-js';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { ask } from '../fakes/foreign-client.ts';
import type { OneNodeCluster } from '../fakes/one-node-cluster.ts';

/** A leaf of a pod of that cluster, as its node's ztunnel gets it from the real agent. */
export async function leafFor(cluster: OneNodeCluster, host: string, identity: string): Promise<Credentials> {
  const roots = readFileSync(cluster.path('xds-root.pem'), 'utf8');
  const token = readFileSync(cluster.path('pods/istio-system/ztunnel/token'), 'utf8').trim();
  const trust = trustServer(host, roots);
  const client = new Client(boundTarget(`${host}:15012`, host), trust.credentials, {
    ...channelOptions(4),
    ...trust.options,
  });
  const key = generateKey();
  const request = { csr: createCsr(key), validitySeconds: 3600, impersonatedIdentity: identity };
  try {
    const headers = { authorization: `Bearer ${token}` };
    const chain = await callUnary(client, certificateService.createCertificate, request, { headers });
    return { identity, key: privateKeyPem(key.privateKey), chain: chain.slice(0, -1).join('') };
  } finally {
    client.close();
  }
}

/** What an honest peer has seen: how many requests, how many failed, and the latency that 99 of 100 stayed under. */
export interface Seen {
  readonly requests: number;
  readonly errors: number;
  /** Milliseconds. */
  readonly p99: number;
}

/**
 * The probe V of the attack classes: over one mTLS session that was there before, 1 KB to an echo and back every 10 ms,
 * each in a CONNECT of its own, whether the one before has come back or not.
 */
export class Probe {
  readonly #session: ClientHttp2Session;
  readonly #authority: string;
  readonly #patienceMillis: number;
  readonly #body = Buffer.alloc(1024, 'v');

  constructor(session: ClientHttp2Session, authority: string, patienceMillis: number) {
    this.#session = session;
    this.#authority = authority;
    this.#patienceMillis = patienceMillis;
  }

  /** Asks until `over` settles. */
  async during(over: Promise<unknown>): Promise<Seen> {
    const stopped = new AbortController();
    void over.finally(() => stopped.abort()).catch(() => undefined);
    const asked: Promise<number | undefined>[] = [];
    while (!stopped.signal.aborted) {
      asked.push(this.#once());
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const taken = await Promise.all(asked);
    const good = taken.filter((one) => one !== undefined).sort((a, b) => a - b);
    const p99 = good[Math.min(good.length - 1, Math.floor(good.length * 0.99))] ?? Infinity;
    return { requests: taken.length, errors: taken.length - good.length, p99 };
  }

  /** The latency, or undefined for a failure. */
  #once(): Promise<number | undefined> {
    const started = performance.now();
    return new Promise((resolve) => {
      const stream = ask(this.#session, this.#authority);
      let heard = 0;
      const finish = (outcome: number | undefined) => {
        clearTimeout(late);
        stream.destroy();
        resolve(outcome);
      };
      const late = setTimeout(() => finish(undefined), this.#patienceMillis);
      stream.on('data', (chunk: Buffer) => {
        heard += chunk.length;
        if (heard >= this.#body.length) finish(performance.now() - started);
      });
      stream.once('close', () => finish(undefined));
      stream.write(this.#body);
    });
  }
}
