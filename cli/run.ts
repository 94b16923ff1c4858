import type { Command } from 'commander';
import { findEndpoint, type Endpoint, type EndpointOptions } from './endpoint.ts';
import type { World } from './world.ts';

interface GlobalOptions extends EndpointOptions {
  readonly output: 'table' | 'json';
}

/** What a command has in hand: where the hub is, and how answers are to be shown. */
export interface Invocation {
  readonly endpoint: Endpoint;
  readonly world: World;
  /** A table for people, or what the API said for scripts. */
  readonly show: (data: unknown, text: () => string) => void;
}

export function invocation(command: Command, world: World): Invocation {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    endpoint: { ...findEndpoint(options, world.env), note: world.note },
    world,
    show: (data, text) =>
      world.out(`${options.output === 'json' ? JSON.stringify(data, undefined, 2) : text()}\n`),
  };
}
