import { fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setns } from './native.ts';

/** A network namespace: a descriptor, which is a number of the whole process and may be used on each of its threads. */
export type NamespaceDescriptor = number;

/** Where sockets are made; `own`: where this process is, which needs no capability. */
export type SocketPlace = NamespaceDescriptor | 'own';

// Of the thread: `/proc/self` would be the main thread's.
const home = openSync('/proc/thread-self/ns/net', 'r');

// A thread that is made inside a stretch stays in that namespace for ever, and libuv makes those of its pool at the first
// asynchronous call. They are made here, at home.
await stat('/');

/**
 * Runs `stretch` with this thread in another network namespace. It only makes sockets and starts children: nothing
 * asynchronous may begin in it (no file, no name, no worker), as the thread which that makes would stay there. Throws what it
 * throws, and NATIVE_NAMESPACE. A thread that cannot return ends the process: it would open everything else there.
 */
export function inNamespace<Made>(
  namespace: SocketPlace,
  stretch: () => Made extends PromiseLike<unknown> ? never : Made,
): Made {
  if (namespace === 'own') return stretch();
  setns(namespace);
  try {
    return stretch();
  } finally {
    goHome();
  }
}

function goHome(): void {
  try {
    setns(home);
  } catch {
    process.abort();
  }
}

/** `device:inode`, the same for each descriptor and path of one namespace. */
export function namespaceIdentity(namespace: NamespaceDescriptor): string {
  const { dev, ino } = fstatSync(namespace, { bigint: true });
  return `${dev}:${ino}`;
}

/** Threads of this process that are in another namespace than this one, by their numbers. None, or something is broken. */
export function threadsAway(): readonly string[] {
  const here = readlinkSync('/proc/thread-self/ns/net');
  return readdirSync('/proc/self/task').filter((thread) => placeOf(thread) !== here);
}

/** A thread that ends meanwhile is nowhere, and counts as at home. */
function placeOf(thread: string): string {
  try {
    return readlinkSync(`/proc/self/task/${thread}/ns/net`);
  } catch {
    return readlinkSync('/proc/thread-self/ns/net');
  }
}
