import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

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

let count = 0;

/** A network namespace with a name, which is removed with `remove`. */
export class TestNamespace {
  readonly name = `isthmus-${process.pid}-${++count}`;

  constructor() {
    ip('netns', 'add', this.name);
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
  }

  get path(): string {
    return `/var/run/netns/${this.name}`;
  }

  /** What a program prints that is run inside. Throws when it fails. */
  run(program: string, args: readonly string[], input = ''): string {
    return run('ip', ['netns', 'exec', this.name, program, ...args], input);
  }

  remove(): void {
    if (existsSync(this.path)) ip('netns', 'del', this.name);
  }
}

/** Joins two namespaces by a pair of interfaces `eth0`, which get these addresses with their prefix lengths. */
export function join(
  left: TestNamespace,
  right: TestNamespace,
  addresses: { readonly left: readonly string[]; readonly right: readonly string[] },
): void {
  ip('link', 'add', 'eth0', 'netns', left.name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', right.name);
  for (const [end, own] of [
    [left, addresses.left],
    [right, addresses.right],
  ] as const) {
    for (const address of own)
      ip('-n', end.name, 'addr', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
    ip('-n', end.name, 'link', 'set', 'eth0', 'up');
  }
}

export const ip = (...args: readonly string[]): string => run('ip', args, '');

function run(program: string, args: readonly string[], input: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { input, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
