import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { CliError, exit } from './exit.ts';

/** Where a hub is and who we are to it. */
export interface Endpoint {
  readonly url: string;
  readonly token: string;
  /** PEM of the CAs that its certificate is verified against; those of Node otherwise. */
  readonly ca?: string;
  /** The name that its certificate must have; that of the URL otherwise. */
  readonly serverName?: string;
  /** Where a sentence goes about a part of an answer that could not be shown. */
  readonly note?: (text: string) => void;
}

export interface EndpointOptions {
  readonly instance?: string;
  readonly url?: string;
  /** The earlier name of `url`. */
  readonly endpoint?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly serverName?: string;
}

/** What was named by flags or environment, or else the one sandbox that runs on this machine. A flag is before all of the environment. */
export function findEndpoint(options: EndpointOptions, env: NodeJS.ProcessEnv): Endpoint {
  const fromEnv =
    options.instance === undefined ? (env['ISTHMUS_URL'] ?? env['ISTHMUS_ENDPOINT']) : undefined;
  const url = options.url ?? options.endpoint ?? fromEnv;
  if (url !== undefined && url !== '') {
    const ca = namedCa(options, env);
    const serverName = options.serverName ?? env['ISTHMUS_SERVER_NAME'];
    return {
      url,
      token: namedToken(options, env),
      ...(ca !== undefined && { ca }),
      ...(serverName !== undefined && serverName !== '' && { serverName }),
    };
  }
  refuseWithoutUrl(options);
  const running = instances(env);
  const wanted =
    options.instance === undefined ? running : running.filter(({ name }) => name === options.instance);
  const [first] = wanted;
  if (!first)
    throw new CliError(
      exit.unreachable,
      options.instance
        ? `no instance '${options.instance}' is running`
        : 'nothing is running here: start it with isthmus up, or give --url (ISTHMUS_URL) and --token-file (ISTHMUS_TOKEN_FILE) of a hub elsewhere',
    );
  if (wanted.length > 1)
    throw new CliError(
      exit.usage,
      `several run (${wanted.map(({ name }) => name).join(', ')}): name one with --instance`,
    );
  return { url: first.url, token: readText(first.tokenFile).trim() };
}

/** A sandbox has its own token and no TLS: who gives these means a hub elsewhere. */
function refuseWithoutUrl({ tokenFile, caFile, serverName }: EndpointOptions): void {
  const flags = { '--token-file': tokenFile, '--ca-file': caFile, '--server-name': serverName };
  for (const [flag, value] of Object.entries(flags))
    if (value !== undefined)
      throw new CliError(
        exit.usage,
        `${flag} is of the hub that --url names: give --url, or set ISTHMUS_URL without --instance`,
      );
}

function namedToken({ tokenFile }: EndpointOptions, env: NodeJS.ProcessEnv): string {
  if (tokenFile !== undefined) return read('--token-file', tokenFile).trim();
  const named = env['ISTHMUS_TOKEN_FILE'];
  if (named !== undefined && named !== '') return read('ISTHMUS_TOKEN_FILE', named).trim();
  const token = env['ISTHMUS_TOKEN'];
  if (token === undefined)
    throw new CliError(
      exit.usage,
      'with --url give --token-file, or set ISTHMUS_TOKEN_FILE (a file) or ISTHMUS_TOKEN (the token)',
    );
  return token;
}

function namedCa({ caFile }: EndpointOptions, env: NodeJS.ProcessEnv): string | undefined {
  const file = caFile ?? env['ISTHMUS_CA_FILE'];
  if (file === undefined || file === '') return undefined;
  const where = caFile === undefined ? 'ISTHMUS_CA_FILE' : '--ca-file';
  const pem = read(where, file);
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw new CliError(
      exit.usage,
      `${where}: ${file} has no certificate in PEM: name the file that begins with -----BEGIN CERTIFICATE-----`,
    );
  }
}

/** `where`: the flag or variable that names the file. */
function read(where: string, file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw new CliError(exit.usage, `${where}: ${error instanceof Error ? error.message : String(error)}`);
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
