import { setTimeout as pause } from 'node:timers/promises';
import { answer } from '../helper.ts';
import { now } from '../now.ts';
import { SimulatedAgent, type Member } from './simulated-agent.ts';

// Some of the agents of a hub, over the real link.

const agents: SimulatedAgent[] = [];
/** Agents that have not received something of a type since it was asked for. */
interface Awaited {
  readonly type: string;
  readonly missing: Set<number>;
  readonly done: (at: number) => void;
}
let awaited: Awaited | undefined;

function received(agent: number, type: string): void {
  if (awaited?.type !== type || !awaited.missing.delete(agent) || awaited.missing.size > 0) return;
  awaited.done(now());
  awaited = undefined;
}

async function allSynced(): Promise<number> {
  while (!agents.every(({ synced }) => synced)) await pause(5);
  return now();
}

const api = {
  /** Joins one after another, and has each one's intermediate signed while nobody else is connected. */
  async join(members: readonly (Member & { readonly token: string })[]): Promise<void> {
    for (const { token, ...member } of members) {
      const index = agents.length;
      const agent = new SimulatedAgent(member, (type) => received(index, type));
      agents.push(agent);
      await agent.join(token);
      agent.connect({ bare: true });
      while (!agent.synced) await pause(2);
      await agent.newIntermediate();
      agent.disconnect();
    }
  },

  /** All connect at once. Gives when each had everything. */
  connect(): Promise<number> {
    for (const agent of agents) agent.connect();
    return allSynced();
  },

  /** Services of other clusters that each agent has at least. */
  remotes: (): number => Math.min(...agents.map(({ remotes }) => remotes)),

  disconnect(): void {
    for (const agent of agents) agent.disconnect();
  },

  /** Resources that came since all have connected. */
  resent: (): number => agents.reduce((sum, { received: count }) => sum + count, 0),

  /** When the last agent has something new of a type, and has said so; `except`: the one that caused it. */
  next({ type, except }: { readonly type: string; readonly except: number | undefined }): Promise<number> {
    const missing = new Set(agents.keys());
    if (except !== undefined) missing.delete(except);
    if (missing.size === 0) return Promise.resolve(now());
    return new Promise((done) => (awaited = { type, missing, done }));
  },

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
