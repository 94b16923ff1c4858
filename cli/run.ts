import type { Command } from 'commander';
import { findEndpoint, type Endpoint, type EndpointOptions } from './endpoint.ts';
import { hubUrl } from './post.ts';
import type { World } from './world.ts';

interface GlobalOptions extends EndpointOptions {
  readonly output: 'table' | 'json';
}

/** What a command has in hand: where the hub is, and how answers are to be shown. */
export interface Invocation {
  readonly endpoint: Endpoint;
  readonly world: World;
  /** Scripts read what the command says. */
  readonly isJson: boolean;
  /** A table for people, or what the API said for scripts. */
  readonly show: (data: unknown, text: () => string) => void;
}

export function invocation(command: Command, world: World): Invocation {
  const options = command.optsWithGlobals<GlobalOptions>();
  const isJson = options.output === 'json';
  const endpoint = findEndpoint(options, world.env);
  if (isReadable(endpoint.url))
    world.note(
      `the token goes to ${endpoint.url} without TLS, where others may read it: use https, or kubectl port-forward\n`,
    );
  return {
    endpoint: { ...endpoint, note: world.note },
    world,
    isJson,
    show: (data, text) => world.out(`${isJson ? JSON.stringify(data, undefined, 2) : text()}\n`),
  };
}

/** Whether what is sent there leaves this machine unencrypted. */
function isReadable(text: string): boolean {
  const { protocol, hostname } = hubUrl(text);
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
