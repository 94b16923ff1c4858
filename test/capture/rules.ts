import {
  joining,
  looks,
  type Backend,
  type Command,
  type Redirection,
} from '@isthmus/mesh/redirection/steps.ts';
import type { Namespace } from '../fakes/network-namespaces.ts';

/** Sends the traffic of a namespace to the listeners in it, which are open, as a node agent does. */
export function redirect(pod: Namespace, backend: Backend = 'IPTABLES', dns = false): void {
  const options = { dns, inbound: true, virtualInterfaces: [] };
  const redirection: Redirection = { options, backend, families: ['IPV4', 'IPV6'] };
  const run = ({ program, args, input }: Command) => pod.run(program, args, input);
  const printed = looks(redirection).map((look) => ({
    look,
    text: shown(look.mayFail, () => run(look.command)),
  }));
  for (const step of joining(redirection, { settings: new Map(), printed }))
    if (step.do === 'RUN') run(step.command);
    else pod.run('sysctl', ['-qw', `${step.path.replaceAll('/', '.')}=${step.value}`]);
}

function shown(mayFail: boolean, run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (mayFail) return '';
    throw error;
  }
}
