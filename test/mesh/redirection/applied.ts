import { ruleFamilies } from '@isthmus/mesh/redirection/rule.ts';
import { podSettings } from '@isthmus/mesh/redirection/settings.ts';
import {
  looks,
  type Backend,
  type Found,
  type Redirection,
  type Step,
} from '@isthmus/mesh/redirection/steps.ts';
import type { Namespace } from '../../fakes/network-namespaces.ts';

export const podLike = (backend: Backend, options: Partial<Redirection['options']> = {}): Redirection => ({
  backend,
  families: ruleFamilies,
  options: { dns: true, inbound: true, virtualInterfaces: [], ...options },
});

/** What a namespace has, as the programs say. */
export function lookAt(namespace: Namespace, redirection: Redirection): Found {
  const settings = new Map(
    podSettings.map(({ path }) => [path, namespace.run('cat', [`/proc/sys/${path}`]).trim()] as const),
  );
  const printed = looks(redirection).map((look) => {
    try {
      return { look, text: namespace.run(look.command.program, look.command.args) };
    } catch (error) {
      if (!look.mayFail) throw error;
      return { look, text: '' };
    }
  });
  return { settings, printed };
}

export function apply(namespace: Namespace, steps: readonly Step[]): void {
  for (const step of steps)
    if (step.do === 'SET') namespace.run('sh', ['-c', `echo ${step.value} > /proc/sys/${step.path}`]);
    else namespace.run(step.command.program, step.command.args, step.command.input);
}
