import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readText } from '@isthmus/mesh/process/read-text.ts';
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
  return { url: first.url, token: readText(first.tokenFile).trim() };
}

function namedToken({ tokenFile }: EndpointOptions, env: NodeJS.ProcessEnv): string {
  if (tokenFile !== undefined) return tokenOf(tokenFile);
  const token = env['ISTHMUS_TOKEN'];
  if (token === undefined)
    throw new CliError(exit.usage, 'with --endpoint give --token-file, or set ISTHMUS_TOKEN');
  return token;
}

function tokenOf(file: string): string {
  try {
    return readText(file).trim();
  } catch (error) {
    throw new CliError(exit.usage, `--token-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Instance {
  readonly name: string;
  readonly url: string;
  readonly tokenFile: string;
}

function parseEndpoint(file: string): Instance & { readonly lock: string } {
  try {
    return JSON.parse(readText(file)) as Instance & { lock: string };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CliError(exit.failed, `${file} is damaged: start that instance again, or remove its folder`);
  }
}

/** Instances whose lock is held: the kernel lists the name that each holds, for as long as it runs. */
function instances(env: NodeJS.ProcessEnv): readonly Instance[] {
  const home = join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'isthmus');
  if (!existsSync(home)) return [];
  const names = new Set(readFileSync('/proc/net/unix', 'utf8').split(/\s+/));
  return readdirSync(home).flatMap((name) => {
    const file = join(home, name, 'endpoint.json');
    if (!existsSync(file)) return [];
    const { url, tokenFile, lock } = parseEndpoint(file);
    return names.has(`@${lock}`) ? [{ name, url, tokenFile }] : [];
  });
}
