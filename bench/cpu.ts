import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux keeps at 100 for what it shows to programs. */
const ticksPerSecond = 100;

/** User and system time of a process and its threads so far, in seconds (proc(5), /proc/[pid]/stat, fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses, which may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
