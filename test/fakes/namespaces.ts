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
      stdio: 'pipe',
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

/** Namespaces that reach each other, as pods of several nodes do: by a bridge in one of their own. */
export class PodNetwork {
  readonly #bridge = new Namespace('bridge');
  #count = 0;

  constructor() {
    this.#bridge.ip('link', 'add', 'br0', 'type', 'bridge');
    this.#bridge.ip('link', 'set', 'br0', 'up');
  }

  /** A new one with these addresses, of 10.9.0.0/16 and fd00:9::/64. */
  add(label: string, addresses: readonly string[]): Namespace {
    const pod = new Namespace(label);
    const port = `port${this.#count++}`;
    ip(
      'link',
      'add',
      'eth0',
      'netns',
      pod.name,
      'type',
      'veth',
      'peer',
      'name',
      port,
      'netns',
      this.#bridge.name,
    );
    this.#bridge.ip('link', 'set', port, 'master', 'br0', 'up');
    for (const one of addresses)
      if (one.includes(':')) pod.ip('addr', 'add', `${one}/64`, 'dev', 'eth0', 'nodad');
      else pod.ip('addr', 'add', `${one}/16`, 'dev', 'eth0');
    pod.ip('link', 'set', 'eth0', 'up');
    return pod;
  }

  remove(): void {
    this.#bridge.remove();
  }
}
