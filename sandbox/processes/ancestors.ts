import { readFileSync } from 'node:fs';

/** One process, surely: a pid may be used again, a pid with its start time is not. */
export interface Identity {
  readonly pid: number;
  readonly started: string;
}

/**
 * The chain of parents up to and including npm, or just the parent when npm is not among them. `kill -9` of npm
 * leaves its shell running as a child of process 1, so each of the chain is watched.
 */
export function ancestors(read: (pid: number) => Stat | undefined = readStat): readonly Identity[] {
  const chain: Identity[] = [];
  for (let stat = read(process.ppid); stat && stat.pid > 1; stat = read(stat.parent)) {
    chain.push({ pid: stat.pid, started: stat.started });
    if (stat.name.startsWith('npm')) return chain;
  }
  return chain.slice(0, 1);
}

export function isAlive(one: Identity, read: (pid: number) => Stat | undefined = readStat): boolean {
  const stat = read(one.pid);
  return stat?.started === one.started && stat.state !== 'Z';
}

export interface Stat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  /** Clock ticks since boot, as text. */
  readonly started: string;
}

function readStat(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** proc(5): the name stands in parentheses and may itself contain some, so fields count from the last one. */
export function parseStat(text: string): Stat {
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  return {
    pid: Number(text.slice(0, text.indexOf(' '))),
    name: text.slice(text.indexOf('(') + 1, close),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    started: fields[19] ?? '',
  };
}
