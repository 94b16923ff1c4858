import { setTimeout as pause } from 'node:timers/promises';
import { Expected } from '../expected.ts';
import { answer } from '../peer-process.ts';
import { now } from '../now.ts';
import { SimulatedAgent, type Member } from './simulated-agent.ts';

// Some of the agents of a hub, over the real link.

const agents: SimulatedAgent[] = [];
let expected = { type: '', by: new Expected([]) };

function received(agent: number, type: string): void {
  if (expected.type === type) expected.by.arrived(agent);
}

async function allSynced(): Promise<number> {
  while (!agents.every(({ synced }) => synced)) await pause(5);
  return now();
}

const api = {
  /**
   * Joins, reports its services, and has its intermediate signed while none of the others here is connected. It holds
   * already what the one before it holds.
   */
  async join({ token, ...member }: Member & { readonly token: string }): Promise<void> {
    const index = agents.length;
    const before = agents.at(-1);
    const agent = new SimulatedAgent(member, (type) => received(index, type));
    agents.push(agent);
    if (before) agent.adopt(before);
    await agent.join(token);
    agent.connect();
    while (!agent.synced) await pause(2);
    await agent.newIntermediate();
    agent.disconnect();
  },

  /** Everybody holds what the last one holds. */
  share(): void {
    const last = agents.at(-1);
    for (const agent of agents) if (last && agent !== last) agent.adopt(last);
  },

  /** All connect at once. Gives when each had everything. */
  async connect(): Promise<number> {
    for (const agent of agents) {
      agent.connect();
      // They are on machines of their own: no handshake waits for what the others do.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return allSynced();
  },

  /** Services of other clusters that each agent has at least. */
  remotes: (): number => Math.min(...agents.map(({ remotes }) => remotes)),

  disconnect(): void {
    for (const agent of agents) agent.disconnect();
  },

  /** Resources that came since all have connected. */
  resent: (): number => agents.reduce((sum, { received: count }) => sum + count, 0),

  /** Something new of a type will come to all agents; `except`: but the one that causes it. To be asked before `arrived`. */
  expect({ type, except }: { readonly type: string; readonly except: number | undefined }): void {
    expected = { type, by: new Expected([...agents.keys()].filter((agent) => agent !== except)) };
  },

  /** When the last agent had what was expected, and said so. */
  arrived: (): Promise<number> => expected.by.last,

  /** Gives when it was said. */
  change({ agent, healthy }: { readonly agent: number; readonly healthy: number }): number {
    const at = now();
    agents[agent]?.change(healthy);
    return at;
  },

  async newIntermediate({ agent }: { readonly agent: number }): Promise<void> {
    await agents[agent]?.newIntermediate();
  },
};

export type AgentsApi = typeof api;

answer(api);
