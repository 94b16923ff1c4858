import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux keeps at 100 for what it shows to programs. */
const ticksPerSecond = 100;

/** User and system time of a process and its threads so far, in seconds (proc(5), /proc/[pid]/stat, fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses, which may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/**
 * Milliseconds that the threads of a process which live now have run so far, to the nanosecond (/proc/[pid]/schedstat):
 * for costs that are smaller than a tick of `cpuSeconds`.
 */
export function cpuMillis(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanos / 1e6;
}

/** Resident memory of a process, in bytes (proc(5), /proc/[pid]/status, VmRSS). */
export function residentBytes(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
