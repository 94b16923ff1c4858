import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CliError, exit } from './exit.ts';

/** Where a hub is and who we are to it. */
export interface Endpoint {
  readonly url: string;
  readonly token: string;
  /** Where a sentence goes about a part of an answer that could not be shown. */
  readonly note?: (text: string) => void;
}

export interface EndpointOptions {
  readonly instance?: string;
  readonly endpoint?: string;
  readonly tokenFile?: string;
}

/** What was named by flags or environment, or else the one sandbox that runs on this machine. */
export function findEndpoint(options: EndpointOptions, env: NodeJS.ProcessEnv): Endpoint {
  const url = options.endpoint ?? env['ISTHMUS_ENDPOINT'];
  if (url !== undefined) return { url, token: namedToken(options, env) };
  const running = instances(env);
  const wanted =
    options.instance === undefined ? running : running.filter(({ name }) => name === options.instance);
  const [first] = wanted;
  if (!first)
    throw new CliError(
      exit.unreachable,
      options.instance
        ? `no instance '${options.instance}' is running`
        : 'nothing is running here: start it with isthmus up, or give --endpoint',
    );
  if (wanted.length > 1)
    throw new CliError(
      exit.usage,
      `several run (${wanted.map(({ name }) => name).join(', ')}): name one with --instance`,
    );
  return { url: first.url, token: readFileSync(first.tokenFile, 'utf8').trim() };
}

function namedToken({ tokenFile }: EndpointOptions, env: NodeJS.ProcessEnv): string {
  if (tokenFile !== undefined) return readFileSync(tokenFile, 'utf8').trim();
  const token = env['ISTHMUS_TOKEN'];
  if (token === undefined)
    throw new CliError(exit.usage, 'with --endpoint give --token-file, or set ISTHMUS_TOKEN');
  return token;
}

interface Instance {
  readonly name: string;
  readonly url: string;
  readonly tokenFile: string;
}

/** Instances whose lock is held: the kernel lists the name that each holds, for as long as it runs. */
function instances(env: NodeJS.ProcessEnv): readonly Instance[] {
  const home = join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'isthmus');
  if (!existsSync(home)) return [];
  const names = new Set(readFileSync('/proc/net/unix', 'utf8').split(/\s+/));
  return readdirSync(home).flatMap((name) => {
    const file = join(home, name, 'endpoint.json');
    if (!existsSync(file)) return [];
    const { url, tokenFile, lock } = JSON.parse(readFileSync(file, 'utf8')) as Instance & { lock: string };
    return names.has(`@${lock}`) ? [{ name, url, tokenFile }] : [];
  });
}
