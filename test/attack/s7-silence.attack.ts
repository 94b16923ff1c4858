import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultHandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import type { TestHub } from '../fakes/hub.ts';
import { HubProcess } from '../fakes/hub-process.ts';
import { pause, timeScale } from '../fault/measured.ts';
import { atMost, equal } from './bound.ts';
import { drive } from './drive.ts';
import { mebibyte } from './measured.ts';
import { rssOf } from './rss.ts';

const connections = 20_400;

/** S7 at the hub: connections that say nothing, of which it once kept all for two minutes. */
describe('S7: 20,400 silent connections to the link and the join listener of a hub', () => {
  let claim: Claim;
  let hub: HubProcess;
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-silence-'));
  const agents: TestAgent[] = [];
  before(async () => {
    claim = await claimBlock({ first: 150, table: () => [] });
    hub = await new HubProcess(stateDir, claim.octet).ready();
  });
  after(async () => {
    for (const agent of agents) agent.end();
    await hub.kill();
    claim.release();
    rmSync(stateDir, { recursive: true });
  });

  /** A cluster that joins, connects and is served: how long that took, milliseconds. */
  async function comesIn(cluster: string): Promise<number> {
    const started = performance.now();
    const agent = new TestAgent(cluster, `127.${claim.octet}.16.${agents.length + 1}`);
    agents.push(agent);
    const asHub = { ask: async (query: string) => ({ data: await hub.ask(query) }) };
    await agent.join(asHub as unknown as TestHub);
    agent.connect();
    await until(() => agent.link?.synced);
    return performance.now() - started;
  }

  it('cost little, and stop no agent', async () => {
    // The first agents cost what later ones do not: code is loaded and compiled.
    for (let i = 0; i < 5; i++) await comesIn(`east-${i}`);
    const memory = () => rssOf(hub.child.pid!);
    const before = memory();
    const attacked = drive({
      attack: 'silence',
      host: `127.${claim.octet}.0.1`,
      port: 15_101,
      ports: [15_101, 15_102],
      from: `127.${claim.octet}`,
      localAddress: '',
      key: '',
      chain: '',
      authority: '',
      connections,
      seconds: 0,
    });
    const over = new AbortController();
    void attacked.finally(() => over.abort()).catch(() => undefined);
    let longest = 0;
    let most = 0;
    let descriptors = 0;
    for (let i = 0; !over.signal.aborted; i++) {
      if (i < 20) longest = Math.max(longest, await comesIn(`south-${i}`));
      most = Math.max(most, memory());
      descriptors = Math.max(descriptors, readdirSync(`/proc/${hub.child.pid}/fd`).length);
      await pause(50);
    }
    const { flooded, waited = 0 } = await attacked;
    assert.ok(flooded);
    equal('connections that were made', flooded.begun, connections);
    equal('connections that were not made', flooded.unconnected, 0);
    // Beside the silent ones: those of the agents, and files.
    atMost('descriptors at once', descriptors, 2 * defaultHandshakeLimits.inProgress + 100);
    equal('connections that were left open', flooded.held, 0);
    atMost(
      'the last were ended after',
      waited,
      defaultHandshakeLimits.timeoutMillis * 1.1 * timeScale,
      ' ms',
    );
    atMost('growth of memory, with 20 more agents', (most - before) / mebibyte, 64, ' MiB');
    atMost('a new agent was served after', longest, 3000 * timeScale, ' ms');
    equal('agents that were lost', hub.log.split('"agent gone"').length - 1, 0);
  });
});
