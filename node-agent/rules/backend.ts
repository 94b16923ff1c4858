import { execFile } from 'node:child_process';
import type { Backend } from '@isthmus/mesh/redirection/steps.ts';
import { NodeAgentError } from '../node-agent-error.ts';

/** Whether a program ends with 0. */
export type Try = (program: string, args: readonly string[]) => Promise<boolean>;

const maxMillis = 10_000;
export const tryProgram: Try = (program, args) =>
  new Promise((resolve) => {
    execFile(program, [...args], { timeout: maxMillis }, (error) => resolve(error === null));
  });

/** Which programs write rules of pods, and which those of the node. */
export interface Backends {
  readonly pods: Backend;
  readonly node: Backend;
}

/**
 * What works on this node. nft goes first: it writes rules of both families in one transaction. iptables needs ipset for
 * the rules of the node. NO_RULES_PROGRAM says what to install.
 */
export async function findBackends(
  asked: 'auto' | 'nft' | 'iptables',
  attempt: Try = tryProgram,
): Promise<Backends> {
  const nft = asked !== 'iptables' && (await attempt('nft', ['list', 'tables']));
  if (nft) return { pods: 'NFT', node: 'NFT' };
  const programs = ['iptables-save', 'ip6tables-save'];
  const worked = await Promise.all(programs.map((program) => attempt(program, ['-t', 'nat'])));
  if (asked !== 'nft' && worked.every(Boolean)) {
    const ipset = await attempt('ipset', ['list', '-n']);
    // Where only rules of pods were asked to be iptables', the node's may still be nft's.
    return {
      pods: 'IPTABLES',
      node: ipset || !(await attempt('nft', ['list', 'tables'])) ? 'IPTABLES' : 'NFT',
    };
  }
  throw new NodeAgentError(
    'NO_RULES_PROGRAM',
    'neither nft nor iptables-save and ip6tables-save work here: the image must have nftables or iptables, the container NET_ADMIN, and the kernel nf_tables',
  );
}
