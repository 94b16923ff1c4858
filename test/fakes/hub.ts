import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startHub, type HubEnd, type HubOptions } from '../../federation/app.ts';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';

type TestHubOptions = Partial<HubOptions> & { readonly octet?: number };

export interface TestHub {
  readonly url: string;
  readonly adminUrl: string;
  readonly token: string;
  readonly stateDir: string;
  /** Of its own /16 of loopback addresses: 127.<octet>.0.0/16. */
  readonly octet: number;
  post(body: string, headers?: Record<string, string>): Promise<Response>;
  ask<T>(
    query: string,
    variables?: object,
  ): Promise<{ data?: T; errors?: { message: string; extensions?: { code?: string } }[] }>;
  /** How it ended, once it has. */
  readonly ended: Promise<HubEnd>;
  /** Resolves when the state folder is free again. */
  stop(): Promise<void>;
}

/**
 * A whole hub in this process, on addresses and ports of its own, with a store that is gone with it. A folder that is
 * given outlives the hub, for one that is started again; so does an octet, which nobody else is given.
 */
export async function startTestHub({ octet: wanted, ...over }: TestHubOptions = {}): Promise<TestHub> {
  const range = wanted === undefined ? { first: 150 } : { first: wanted, last: wanted };
  const { octet, release } = await claimed(range);
  const stateDir = over.stateDir ?? mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
  const stop = new AbortController();
  const { url, adminUrl, ended } = await startHub(
    {
      stateDir,
      apiHost: '127.0.0.1',
      apiPort: 18_080,
      apiCertificate: undefined,
      apiPlaintext: false,
      adminHost: `127.${octet}.0.1`,
      adminPort: 15_014,
      linkListen: `127.${octet}.0.1:15101`,
      joinListen: `127.${octet}.0.1:15102`,
      advertiseLink: [],
      advertiseJoin: [],
      outsideService: undefined,
      adminTokenSecret: undefined,
      hubId: 'test',
      trustDomain: defaultTrustDomain,
      exportByLabel: true,
      exports: 'open',
      store: 'memory',
      newAdminToken: false,
      epochAbove: 0,
      limits: defaultLimits,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      ...over,
    },
    stop.signal,
  ).catch((error: unknown) => {
    release();
    throw error;
  });
  const tokenFile = join(stateDir, 'admin-token');
  const token = existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : '';
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    });
  return {
    url,
    adminUrl,
    token,
    stateDir,
    octet,
    ended,
    post,
    async ask(query, variables = {}) {
      const body = JSON.stringify({ query, variables });
      // A hub that was started again at the same port has ended the connection that fetch kept of the one before.
      const answer = await post(body).catch(() => post(body));
      return answer.json() as never;
    },
    async stop() {
      stop.abort();
      await ended;
      release();
      if (over.stateDir === undefined) rmSync(stateDir, { recursive: true });
    },
  };
}

/** A hub that was stopped a moment ago gives its block back a turn or more of the event loop later. */
async function claimed(range: { readonly first: number; readonly last?: number }): Promise<Claim> {
  for (let tries = 0; ; tries++)
    try {
      return await claimBlock({ ...range, table: () => [] });
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise<void>((resolve) => systemClock.after(20, resolve));
    }
}
