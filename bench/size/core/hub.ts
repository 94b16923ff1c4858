import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatRemoteName } from '@isthmus/api/domain/remote-name.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import type { Endpoint } from '@isthmus/sandbox/instance/api.ts';
import { residentBytes } from '../../cpu.ts';
import { costOfEach, idleFor, quiet, spentBy } from '../cost.ts';
import { Expected } from '../expected.ts';
import { answer } from '../peer-process.ts';
import { CoreAgent } from './agent.ts';
import { startCore, type Core } from './start.ts';

// A hub without listeners for agents: its own classes, an agent for each cluster, and links that are none.

interface Shape {
  readonly clusters: number;
  readonly services: number;
  readonly stateDir: string;
  /** Where its API listens. */
  readonly host: string;
}

const beatMillis = 5000;
const idleSeconds = 5;

let core: Core;
const agents: CoreAgent[] = [];
let expected = { name: '', by: new Expected([]) };
/** Messages of the hub to its agents. */
let messages = 0;
/** Resources that came as agents connected, who have everything. */
let resent = 0;

function received(agent: number, { type, resources }: DeltaResponse): void {
  messages++;
  resent += resources.length;
  if (type === 'remote' && resources.some(({ name }) => name === expected.name)) expected.by.arrived(agent);
}

function connect(): void {
  const { catalog, ca, world, handlers, mark } = core;
  const csr = createCsr(generateKey());
  for (const [i, cluster] of world.clusters.entries()) {
    const [chain = ''] = ca.issueAgent(cluster, `m-${cluster}`, csr);
    agents.push(
      new CoreAgent({
        certificate: new X509Certificate(chain).raw,
        peer: `10.${i >> 8}.${i & 255}.2:1`,
        handlers,
        reports: world.reports(i),
        mark,
        digests: (type) => catalog.digests(type, { cluster, trustDomain: defaultTrustDomain }),
        counts: world.counts(i),
        onReceived: (response) => received(i, response),
      }),
    );
  }
  // Two thousand of them at one moment would not be how they come.
  const turns = Math.ceil(agents.length / 100);
  for (let turn = 0; turn < turns; turn++)
    setTimeout(
      () => setInterval(() => agents.forEach((one, i) => i % turns === turn && one.beat()), beatMillis),
      (beatMillis * turn) / turns,
    );
}

async function whole(): Promise<void> {
  const isWhole = (cluster: string) => core.live.current.observed.get(cluster)?.synced ?? false;
  while (!core.world.clusters.every(isWhole)) await pause(20);
  await settled();
  if (resent > 0) throw new Error(`${resent} resources were sent to agents that have everything`);
}

/** No message for some turns of the event loop: acknowledgements are taken, too. */
async function settled(): Promise<void> {
  for (let seen = -1; seen !== messages;) {
    seen = messages;
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function change(healthy: number): Promise<void> {
  const [, ...others] = agents.keys();
  expected = {
    name: formatRemoteName({
      cluster: 'c-0',
      service: formatServiceKey({ namespace: 'shop', name: 'only-0' }),
    }),
    by: new Expected(others),
  };
  agents[0]?.count(core.world.counts(0, healthy));
  await expected.by.last;
  await settled();
}

const api = {
  /** Resolves once all links are whole. */
  async start({ clusters, services, stateDir, host }: Shape): Promise<Endpoint> {
    core = await startCore({ clusters, services, stateDir, host });
    connect();
    await whole();
    await quiet(process.pid, new AbortController().signal);
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, core.token);
    return { url: core.url, tokenFile };
  },

  resident: (): number => residentBytes(process.pid),

  /** Milliseconds of CPU for one service that changes, and how many agents get it. */
  async change({ changes }: { readonly changes: number }): Promise<{ cpu: number; receivers: number }> {
    const idle = await idleFor(process.pid, idleSeconds);
    const spent = await spentBy(process.pid, async () => {
      for (let i = 0; i < changes; i++) await change(1 + (i % 2));
    });
    return { cpu: costOfEach(spent, idle, changes), receivers: agents.length - 1 };
  },
};

export type CoreApi = typeof api;

answer(api);
