import { readFileSync } from 'node:fs';

/** One process, surely: a pid may be used again, a pid with its start time is not. */
export interface Identity {
  readonly pid: number;
  /** Clock ticks since boot, as text. */
  readonly started: string;
}

/** `isthmus` says here which process it is, as it may be two above the program that it starts. */
export const startedBy = 'ISTHMUS_STARTED_BY';

/**
 * The chain of parent processes up to the command that was asked for this program: npm, else `isthmus` (whose pid is `commandPid`), else
 * the parent. `kill -9` of one of them leaves those between it and us running, so each of the chain is watched.
 * Undefined when `isthmus` is not among them any more: it was gone before this was asked.
 */
export function ancestors(
  commandPid: number | undefined,
  read: (pid: number) => Stat | undefined = readStat,
): readonly Identity[] | undefined {
  const chain: Stat[] = [];
  for (let stat = read(process.ppid); stat && stat.pid > 1; stat = read(stat.parent)) chain.push(stat);
  const command = commandPid === undefined ? 0 : chain.findIndex(({ pid }) => pid === commandPid);
  if (command < 0) return undefined;
  const npm = chain.findIndex(({ name }) => name.startsWith('npm'));
  return chain.slice(0, Math.max(command, npm) + 1).map(({ pid, started }) => ({ pid, started }));
}

export function isAlive(one: Identity, read: (pid: number) => Stat | undefined = readStat): boolean {
  const stat = read(one.pid);
  return stat?.started === one.started && stat.state !== 'Z';
}

/** Milliseconds since a process was started, to 10 ms: proc(5) counts 100 ticks a second on all that Node runs on. */
export const ageOf = ({ started }: Identity): number =>
  Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000 - Number(started) * 10;

export interface Stat extends Identity {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
}

export function readStat(pid: number): Stat | undefined {
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
