import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import type { Context } from 'mocha';

/** Why network namespaces cannot be made here, with these programs beside `ip`; undefined: they can. */
export function withoutNamespaces(...programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', ...programs].find((program) => spawnSync(program, ['-V']).error);
  if (missing !== undefined) return `${missing} is not installed (Debian: iproute2, iptables, nftables)`;
  const made = spawnSync('unshare', ['-n', 'true']);
  return made.status === 0 ? undefined : `no network namespace can be made: ${String(made.stderr)}`;
}

/** A suite that needs network namespaces: where there are none it says so and counts as pending. */
export function withNamespaces(title: string, programs: readonly string[], run: () => void): void {
  describe(title, () => {
    const why = withoutNamespaces(...programs);
    if (why === undefined) return run();
    it(`DID NOT RUN: ${why}`, function () {
      console.warn(`      DID NOT RUN: ${why}`);
      this.skip();
    });
  });
}

/** For a `before`: skips the suite aloud where no namespaces can be made, so that nobody takes it for passed. */
export function needNamespaces(context: Context): void {
  const why = withoutNamespaces();
  if (why === undefined) return;
  const title = context.currentTest?.parent?.title ?? context.test?.parent?.title ?? 'a suite';
  console.warn(`\n      DID NOT RUN: ${title}: ${why}`);
  context.skip();
}

let count = 0;

/** A network namespace with a name, with loopback up. `remove` deletes it and closes its descriptor. */
export class Namespace {
  readonly name: string;
  readonly path: string;
  readonly descriptor: number;
  #isRemoved = false;

  constructor(label = 'pod') {
    this.name = `isthmus-${process.pid}-${++count}-${label}`;
    this.path = `/var/run/netns/${this.name}`;
    ip('netns', 'add', this.name);
    // An address counts at once: else it is looked for on the link for a second, in which packets to it are lost.
    this.run('sh', ['-c', 'for of in all default; do echo 0 > /proc/sys/net/ipv6/conf/$of/accept_dad; done']);
    this.ip('link', 'set', 'lo', 'up');
    this.descriptor = openSync(this.path, 'r');
  }

  ip(...words: readonly string[]): string {
    return ip('-n', this.name, ...words);
  }

  /** What a program prints that is run inside. Throws when it fails. */
  run(program: string, args: readonly string[], input = ''): string {
    return run('ip', ['netns', 'exec', this.name, program, ...args], input);
  }

  remove(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    closeSync(this.descriptor);
    if (existsSync(this.path)) ip('netns', 'del', this.name);
  }
}

/** Joins two namespaces by a pair of interfaces `eth0`, which get these addresses with their prefix lengths. */
export function join(
  left: Namespace,
  right: Namespace,
  addresses: { readonly left: readonly string[]; readonly right: readonly string[] },
): void {
  ip('link', 'add', 'eth0', 'netns', left.name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', right.name);
  for (const [end, own] of [
    [left, addresses.left],
    [right, addresses.right],
  ] as const) {
    for (const address of own) end.ip('addr', 'add', address, 'dev', 'eth0');
    end.ip('link', 'set', 'eth0', 'up');
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
      pod.ip('addr', 'add', `${one}/${one.includes(':') ? 64 : 16}`, 'dev', 'eth0');
    pod.ip('link', 'set', 'eth0', 'up');
    return pod;
  }

  remove(): void {
    this.#bridge.remove();
  }
}

export const ip = (...args: readonly string[]): string => run('ip', args, '');

function run(program: string, args: readonly string[], input: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { input, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
