import { readdirSync, readFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { inNamespace, type NamespaceDescriptor } from '@isthmus/mesh/native/namespace.ts';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { podSettings, type FoundSettings, type Ipv6Interfaces } from '@isthmus/mesh/redirection/settings.ts';
import type { Command } from '@isthmus/mesh/redirection/steps.ts';
import { NodeAgentError } from '../node-agent-error.ts';

/** A program that writes rules takes milliseconds; it waits 10 s for another's lock at the most. */
const maxMillis = 15_000;
/** What a program prints: a namespace with a thousand rules has a tenth of it. */
const maxBytes = 4_000_000;
const maxComplaint = 300;

/** What a program printed, run inside a namespace. RULES_FAILED with what it complained of. */
export function runInside(namespace: NamespaceDescriptor, command: Command, clock: Clock): Promise<string> {
  const { program, args, input } = command;
  const line = `${program} ${args.join(' ')}`;
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new NodeAgentError('RULES_FAILED', `${line}: ${why}`));
    const child = spawnIn(namespace, program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = clock.after(maxMillis, () => {
      child.kill('SIGKILL');
      fail(`did not end within ${maxMillis} ms`);
    });
    const [out, complaint] = [collected(child.stdout), collected(child.stderr)];
    child.on('error', (error) => {
      timer.cancel();
      fail(error.message);
    });
    child.on('close', (status) => {
      timer.cancel();
      if (status === 0) resolve(out());
      else fail(complaint().replaceAll(/\s+/g, ' ').trim().slice(0, maxComplaint) || `ended with ${status}`);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Gives what has come so far; what is more than the limit is dropped. */
function collected(stream: Readable | null): () => string {
  const parts: Buffer[] = [];
  let length = 0;
  stream?.on('data', (part: Buffer) => {
    if (length + part.length > maxBytes) return;
    length += part.length;
    parts.push(part);
  });
  return () => Buffer.concat(parts).toString();
}

/** The settings of a namespace. `root`: `/proc/sys`, or where the node's is mounted so that it can be written. */
export const readSettings = (namespace: NamespaceDescriptor, root: string): FoundSettings =>
  inNamespace(namespace, () => new Map(podSettings.map(({ path }) => [path, textAt(join(root, path))])));

/** Which interfaces have IPv6; none where the kernel has none. */
export const readIpv6 = (namespace: NamespaceDescriptor, root: string): Ipv6Interfaces =>
  inNamespace(namespace, () => {
    const folder = join(root, 'net/ipv6/conf');
    return new Map(namesIn(folder).map((name) => [name, textAt(join(folder, name, 'disable_ipv6')) ?? '1']));
  });

/** RULES_FAILED. */
export function writeSetting(
  namespace: NamespaceDescriptor,
  root: string,
  path: string,
  value: string,
): void {
  try {
    inNamespace(namespace, () => {
      const file = openSync(join(root, path), 'w');
      try {
        return writeSync(file, value);
      } finally {
        closeSync(file);
      }
    });
  } catch (cause) {
    const remedy = `load the kernel module nf_conntrack, and mount the node's /proc/sys/net writable (--settings)`;
    throw new NodeAgentError(
      'RULES_FAILED',
      `${path} cannot be set to ${value}: ${String(cause)}; ${remedy}`,
      {
        cause,
      },
    );
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
