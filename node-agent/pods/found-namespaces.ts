import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** The network namespace of a pod that runs: a path that opens it, and `device:inode`, which no other has. */
export interface FoundNamespace {
  readonly uid: string;
  readonly path: string;
  readonly identity: string;
}

/** Where to look. A folder that is not there has nothing. */
export interface Places {
  /** containerd's folder of tasks: `/run/containerd/io.containerd.runtime.v2.task/k8s.io`. */
  readonly containerd: string;
  /** `/proc`, of the host's processes. */
  readonly proc: string;
}

/**
 * Each pod's namespace, by the runtime's own files, else by processes: that needs those of the host and SYS_PTRACE, as the
 * kernel shows the namespaces of a process only to one that has all of its capabilities.
 */
export function foundNamespaces({ containerd, proc }: Places): ReadonlyMap<string, FoundNamespace> {
  const found = new Map<string, FoundNamespace>();
  for (const one of [...ofProcesses(proc), ...ofContainerd(containerd)]) found.set(one.uid, one);
  return found;
}

/** `device:inode` of the namespace at a path; undefined: none is there. */
export function identityAt(path: string): string | undefined {
  return attempt(() => {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  });
}

function* ofContainerd(folder: string): Iterable<FoundNamespace> {
  for (const id of attempt(() => readdirSync(folder)) ?? []) {
    const text = attempt(() => readFileSync(join(folder, id, 'config.json'), 'utf8'));
    const sandbox = text === undefined ? undefined : readSandbox(text);
    const identity = sandbox && identityAt(sandbox.path);
    if (sandbox && identity !== undefined) yield { ...sandbox, identity };
  }
}

/** What of an OCI configuration is read here. */
const ociShape = z.looseObject({
  annotations: z.record(z.string(), z.string()),
  linux: z.looseObject({
    namespaces: z.array(z.looseObject({ type: z.string(), path: z.string().optional() })).max(100),
  }),
});

/** The pod's uid and the path of its namespace; undefined for a container, a pod with the node's network, and other text. */
export function readSandbox(text: string): { readonly uid: string; readonly path: string } | undefined {
  const spec = ociShape.safeParse(attempt(() => JSON.parse(text) as unknown)).data;
  if (spec?.annotations['io.kubernetes.cri.container-type'] !== 'sandbox') return undefined;
  const uid = spec.annotations['io.kubernetes.cri.sandbox-uid'] ?? '';
  const path = spec.linux.namespaces.find(({ type }) => type === 'network')?.path ?? '';
  return uid === '' || path === '' ? undefined : { uid, path };
}

function* ofProcesses(proc: string): Iterable<FoundNamespace> {
  const own = attempt(() => readlinkSync(join(proc, 'self/ns/net')));
  for (const id of attempt(() => readdirSync(proc)) ?? []) {
    if (!/^\d+$/.test(id)) continue;
    const uid = uidOf(attempt(() => readFileSync(join(proc, id, 'cgroup'), 'utf8')) ?? '');
    const path = join(proc, id, 'ns/net');
    if (uid === undefined || attempt(() => readlinkSync(path)) === own) continue;
    const identity = identityAt(path);
    if (identity !== undefined) yield { uid, path, identity };
  }
}

const podInPath = /pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})/;

/** The uid of the pod that a process is of, by its cgroup; the driver for systemd writes underscores. */
export const uidOf = (cgroup: string): string | undefined =>
  podInPath.exec(cgroup)?.[1]?.replaceAll('_', '-');

/** What goes away while it is read is not there. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
