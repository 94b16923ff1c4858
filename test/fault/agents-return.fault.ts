import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { TestAgent } from '../fakes/agent.ts';
import { HubProcess } from '../fakes/hub-process.ts';
import { pause, timeScale, within } from './measured.ts';

const [agents, services] = [100, 5];

/** An API request that costs nothing by itself. */
const request = '{ clusters(first: 1) { totalCount } }';

describe(`${agents} agents that return to a hub at once`, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-return-'));
  let claim: Claim;
  let hub: HubProcess;
  const all: TestAgent[] = [];

  const start = async () =>
    (hub = await new HubProcess(stateDir, claim.octet, ['--export-by-label']).ready());
  const eventually = async (what: string, holds: () => boolean, limit = 60_000) => {
    const started = performance.now();
    while (!holds()) {
      assert.ok(performance.now() - started < limit * timeScale, `${what} did not happen`);
      await pause(10);
    }
    return performance.now() - started;
  };
  const lines = (text: string) => hub.log.split(text).length - 1;
  const received = () =>
    all.reduce(
      (sum, { link }) => sum + Object.values(link?.received ?? {}).reduce((one, count) => one + count, 0),
      0,
    );
  /** The longest of the requests that are asked one after another, until `isOver`. Milliseconds. */
  const longestRequest = async (isOver: () => boolean) => {
    const times: number[] = [];
    while (!isOver()) {
      const started = performance.now();
      await hub.ask(request);
      times.push(performance.now() - started);
      await pause(20);
    }
    return Math.max(...times);
  };

  before(async () => {
    claim = await claimBlock({ first: 150 });
    await start();
    const joining = { ask: async <T>(query: string) => ({ data: await hub.ask<T>(query) }) };
    for (let i = 0; i < agents; i++) {
      const agent = new TestAgent(`c${i}`, `127.${claim.octet}.16.${i + 1}`);
      all.push(agent);
      agent.gateway();
      for (let s = 0; s < services; s++) agent.service(`s${i}-${s}`);
      await agent.join(joining);
    }
    for (const agent of all) agent.connect();
    await eventually('everything is everywhere', () =>
      all.every(({ views }) => views.view.remotes.size === (agents - 1) * services),
    );
  });
  after(async () => {
    for (const agent of all) agent.end();
    await hub.kill();
    claim.release();
    rmSync(stateDir, { recursive: true });
  });

  it('are all served, none is cut off and none gets anything again, while the API answers as usual', async () => {
    let isOver = false;
    setTimeout(() => (isOver = true), 2000);
    const usual = await longestRequest(() => isOver);
    await hub.kill('SIGTERM');
    await eventually('every link ends', () => all.every(({ link }) => !link?.connected));
    const before = received();
    await start();
    const synced = () => all.every(({ link }) => link?.synced);
    const longest = longestRequest(synced);
    const took = await eventually('every agent is in step again', synced);
    console.log(`      the longest request in a quiet hub: ${Math.round(usual)} ms`);
    within(`${agents} agents return`, took, 10_000);
    within('the longest request meanwhile', await longest, 1000);
    assert.equal(received(), before, 'resources that were sent again');
    // Some seconds, in which whoever had been starved would be missed.
    await pause(6000);
    assert.deepEqual([lines('"agent connected"'), lines('"agent gone"')], [agents, 0], hub.log);
  });
});
