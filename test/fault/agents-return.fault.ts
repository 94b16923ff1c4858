import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { TestAgent } from '../fakes/agent.ts';
import { HubProcess } from '../fakes/hub-process.ts';
import { pause, timeScale, within } from './measured.ts';

const [agents, services] = [100, 5];

/**
 * An API request that costs nothing by itself, asked again and again. The first one of a thread and of a hub loads code,
 * and does not count.
 */
const asking = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { readFileSync } = require('node:fs');
  const { url, tokenFile } = JSON.parse(readFileSync(workerData + '/endpoint.json', 'utf8'));
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer ' + readFileSync(tokenFile, 'utf8').trim(),
  };
  const body = JSON.stringify({ query: '{ clusters(first: 1) { totalCount } }' });
  let longest = -1;
  let isOver = false;
  parentPort.on('message', () => (isOver = true));
  (async () => {
    while (!isOver) {
      const started = performance.now();
      await (await fetch(url, { method: 'POST', body, headers })).json();
      longest = longest < 0 ? 0 : Math.max(longest, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    parentPort.postMessage(longest);
    parentPort.close();
  })();
`;

/** Requests one after another, from a thread of their own: the agents in this one must not make them wait. */
class Requests {
  readonly #worker: Worker;

  constructor(stateDir: string) {
    this.#worker = new Worker(asking, { eval: true, workerData: stateDir });
  }

  /** Ends them. Milliseconds. */
  async longest(): Promise<number> {
    this.#worker.postMessage('end');
    const [longest] = (await once(this.#worker, 'message')) as [number];
    return longest;
  }
}

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
      all.every(({ hubStore }) => hubStore.view.remotes.size === (agents - 1) * services),
    );
  });
  after(async () => {
    for (const agent of all) agent.end();
    await hub.kill();
    claim.release();
    rmSync(stateDir, { recursive: true });
  });

  it('are all served, none is cut off and none gets anything again, while the API answers as usual', async () => {
    const quiet = new Requests(stateDir);
    await pause(2000);
    const usual = await quiet.longest();
    await hub.kill('SIGTERM');
    await eventually('every link ends', () => all.every(({ link }) => !link?.connected));
    const before = received();
    await start();
    const synced = () => all.every(({ link }) => link?.synced);
    const requests = new Requests(stateDir);
    const took = await eventually('every agent is in step again', synced);
    const longest = await requests.longest();
    console.log(`      the longest request in a quiet hub: ${Math.round(usual)} ms`);
    within(`${agents} agents return`, took, 10_000);
    within('the longest request meanwhile', longest, 1000);
    assert.equal(received(), before, 'resources that were sent again');
    // Agents heartbeat every 5 s. One whose heartbeats the hub had not read in time would be cut off and connect again.
    await pause(6000);
    assert.deepEqual([lines('"agent connected"'), lines('"agent gone"')], [agents, 0], hub.log);
  });
});
