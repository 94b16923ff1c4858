import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { inNamespace, type NamespaceDescriptor } from './namespace.ts';

/**
 * Starts a program inside a network namespace: a child is where the thread that makes it is. It is waited for as any
 * other. NATIVE_NAMESPACE; a program that cannot be started is the child's `error` event.
 */
export const spawnIn = (
  namespace: NamespaceDescriptor,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess => inNamespace(namespace, () => spawn(command, args, options));
