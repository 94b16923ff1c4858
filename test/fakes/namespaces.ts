import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Context } from 'mocha';

const ip = (...words: readonly string[]): string => execFileSync('ip', words, { encoding: 'utf8' });

/** Whether this machine lets these tests make network namespaces. */
const canMake = ((): boolean => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `isthmus-try-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return false;
  ip('netns', 'del', name);
  return true;
})();

/** For a `before`: skips the suite aloud where no namespaces can be made, so that nobody takes it for passed. */
export function needNamespaces(context: Context): void {
  if (canMake) return;
  process.stderr.write(
    `\n      NOT RUN: ${context.currentTest?.parent?.title ?? context.test?.parent?.title ?? 'a suite'} needs root and network namespaces (ip netns)\n`,
  );
  context.skip();
}

let made = 0;

/** A network namespace of these tests, with loopback up, and a descriptor of it. `remove` deletes both. */
export class Namespace {
  readonly name: string;
  readonly path: string;
  readonly descriptor: number;

  constructor(label: string) {
    this.name = `isthmus-${process.pid}-${made++}-${label}`;
    this.path = `/run/netns/${this.name}`;
    ip('netns', 'add', this.name);
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    this.descriptor = openSync(this.path, 'r');
  }

  ip(...words: readonly string[]): string {
    return ip('-n', this.name, ...words);
  }

  /** Runs a program in it, and gives what it says. */
  run(command: string, words: readonly string[], input?: string): string {
    return execFileSync('ip', ['netns', 'exec', this.name, command, ...words], {
      encoding: 'utf8',
      ...(input !== undefined && { input }),
    });
  }

  remove(): void {
    closeSync(this.descriptor);
    ip('netns', 'del', this.name);
  }
}

/** Joins two namespaces by a veth pair, with an address each. */
export function join(one: Namespace, other: Namespace, addresses: readonly [string, string]): void {
  ip('link', 'add', 'eth0', 'netns', one.name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other.name);
  for (const [at, side] of [one, other].entries()) {
    side.ip('addr', 'add', addresses[at] ?? '', 'dev', 'eth0');
    side.ip('link', 'set', 'eth0', 'up');
  }
}
