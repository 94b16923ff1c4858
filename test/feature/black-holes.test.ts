import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import { connectPatience } from '@isthmus/cluster-agent/link/patience.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { fullHole, silentHole, type BlackHole } from '../fakes/black-hole.ts';
import { FakeClock } from '../fakes/clock.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const kinds: Record<string, () => Promise<BlackHole>> = {
  'accepts and never answers': silentHole,
  'never accepts': fullHole,
};

describe('how long an address of the hub may take', () => {
  it('is 3 s, twice as long after each round of all addresses, and at most 20 s', () => {
    const seconds = Array.from({ length: 8 }, (_, misses) => connectPatience(misses, 2) / 1000);
    assert.deepEqual(seconds, [3, 3, 6, 6, 12, 12, 20, 20]);
    assert.deepEqual([connectPatience(1, 1), connectPatience(1000, 1)], [6000, 20_000]);
  });
});

for (const [kind, open] of Object.entries(kinds))
  describe(`a first address of the hub that ${kind}`, () => {
    let hub: TestHub;
    let hole: BlackHole;
    beforeEach(async () => {
      hub = await startTestHub();
      hole = await open();
    });
    afterEach(async () => {
      await hole.close();
      await hub.stop();
    });

    it('costs an agent three seconds, and it is not called connected meanwhile', async () => {
      const agent = await new TestAgent('east', `127.${hub.octet}.16.1`).join(hub);
      const clock = new FakeClock(Date.now());
      const { endpoints } = agent.identity;
      const both = [hole.endpoint, ...endpoints];
      const link = agent.connect({ ...agent.identity, endpoints: both }, clock).link!;
      const asking = assert.rejects(link.signIntermediate('no request'), /UNAVAILABLE|CANCELLED/);
      await clock.advance(2999);
      assert.equal(link.connected, false);
      await clock.advance(1);
      await asking;
      // At most 50 ms until the next attempt.
      await clock.advance(50);
      await until(() => link.connected);
      agent.end();
    });

    const stateDirs: string[] = [];
    afterEach(() => stateDirs.splice(0).forEach((dir) => rmSync(dir, { recursive: true })));

    /** By a token whose join addresses are those that are given, made of the hub's own. */
    async function joining(clock: FakeClock, at: (own: readonly string[]) => readonly string[]) {
      const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hole-'));
      stateDirs.push(stateDir);
      const tokenFile = join(stateDir, 'token');
      const mutation = 'mutation { result: createJoinToken(input: { cluster: "east" }) { token } }';
      const { data } = await hub.ask<{ result: { token: string } }>(mutation);
      writeFileSync(tokenFile, withAddresses(data!.result.token, at));
      const identity = linkIdentity({
        cluster: 'east',
        stateDir,
        tokenFile,
        localAddress: '127.0.0.1',
        clock,
        random: systemRandom,
      });
      await clock.waitForTimer();
      return { identity };
    }

    it('costs an agent that joins three seconds', async () => {
      const clock = new FakeClock(Date.now());
      const { identity } = await joining(clock, (own) => [hole.endpoint, ...own]);
      let joined = false;
      void identity.then(() => (joined = true));
      await clock.advance(2999);
      assert.equal(joined, false);
      await clock.advance(1);
      assert.equal((await identity).cluster, 'east');
    });

    it('ends a join of which it is the only address after ten seconds, with the reason', async () => {
      const clock = new FakeClock(Date.now());
      const { identity } = await joining(clock, () => [hole.endpoint]);
      const message = `no TLS connection to the hub at ${hole.endpoint}: no answer within 10000 ms`;
      const refused = assert.rejects(identity, { code: 'HUB_UNREACHABLE', message });
      await clock.advance(10_000);
      await refused;
    });
  });

function withAddresses(token: string, at: (own: readonly string[]) => readonly string[]): string {
  const body = JSON.parse(Buffer.from(token.split('.')[2] ?? '', 'base64url').toString()) as {
    joinEndpoints: string[];
  };
  const changed = { ...body, joinEndpoints: at(body.joinEndpoints) };
  return `isthmus-join.v1.${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
}
