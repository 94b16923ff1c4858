import type { NamespaceDescriptor } from '@isthmus/mesh/native/namespace.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { PodOptions } from '@isthmus/mesh/redirection/pod-options.ts';
import { ruleFamilies } from '@isthmus/mesh/redirection/rule.ts';
import { hasIpv6 } from '@isthmus/mesh/redirection/settings.ts';
import {
  clearing,
  faultsOf,
  isMarked,
  joining,
  leaving,
  looks,
  type Backend,
  type Found,
  type Look,
  type Redirection,
  type Step,
} from '@isthmus/mesh/redirection/steps.ts';
import { NodeAgentError } from '../node-agent-error.ts';
import { readIpv6, readSettings, runInside, writeSetting } from './run-inside.ts';

interface Options {
  readonly backend: Backend;
  /** `/proc/sys`, or where the node's is mounted so that it can be written. */
  readonly settings: string;
  readonly clock: Clock;
}

/** The rules of pods, in their namespaces. Each call throws RULES_FAILED, and NATIVE_NAMESPACE for one that is none. */
export class PodRules {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Makes a namespace whole, and reads it back. Nothing is written where it is whole. */
  async apply(namespace: NamespaceDescriptor, options: PodOptions): Promise<void> {
    const redirection = this.#redirection(namespace, options);
    const before = await this.#look(namespace, redirection);
    if (faultsOf(redirection, before).length === 0) return;
    await this.#take(namespace, joining(redirection, before));
    const faults = faultsOf(redirection, await this.#look(namespace, redirection));
    if (faults.length > 0)
      throw new NodeAgentError(
        'RULES_FAILED',
        `the rules were written, and the kernel has others: ${faults.slice(0, 3).join('; ')}; look for another program that writes rules in this pod`,
      );
  }

  /** New connections are direct; those that are captured go on. */
  async stop(namespace: NamespaceDescriptor, options: PodOptions): Promise<void> {
    const redirection = this.#redirection(namespace, options);
    await this.#take(namespace, leaving(redirection, await this.#look(namespace, redirection)));
  }

  /** Nothing of the rules is left. */
  async clear(namespace: NamespaceDescriptor, options: PodOptions): Promise<void> {
    const redirection = this.#redirection(namespace, options);
    await this.#take(namespace, clearing(redirection, await this.#look(namespace, redirection)));
  }

  /** Whether rules are there, whole or in part. */
  async areIn(namespace: NamespaceDescriptor, options: PodOptions): Promise<boolean> {
    const redirection = this.#redirection(namespace, options);
    return isMarked(redirection, await this.#look(namespace, redirection));
  }

  #redirection(namespace: NamespaceDescriptor, options: PodOptions): Redirection {
    const { backend, settings } = this.#options;
    const families = hasIpv6(readIpv6(namespace, settings)) ? ruleFamilies : (['IPV4'] as const);
    return { backend, families, options };
  }

  async #look(namespace: NamespaceDescriptor, redirection: Redirection): Promise<Found> {
    const { settings, clock } = this.#options;
    const printed = await Promise.all(
      looks(redirection).map(async (look) => ({ look, text: await this.#printed(namespace, look, clock) })),
    );
    return { settings: readSettings(namespace, settings), printed };
  }

  async #printed(namespace: NamespaceDescriptor, look: Look, clock: Clock): Promise<string> {
    try {
      return await runInside(namespace, look.command, clock);
    } catch (error) {
      if (look.mayFail) return '';
      throw error;
    }
  }

  async #take(namespace: NamespaceDescriptor, steps: readonly Step[]): Promise<void> {
    const { settings, clock } = this.#options;
    for (const step of steps)
      if (step.do === 'SET') writeSetting(namespace, settings, step.path, step.value);
      else await runInside(namespace, step.command, clock);
  }
}
