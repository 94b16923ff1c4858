import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import {
  newClusters,
  newContexts,
  newUsers,
  type Cluster,
  type User,
} from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { parse } from 'yaml';
import { ApiFailure } from './api-failure.ts';
import type { ApiServer } from './api-server.ts';
import { HttpsApiServer } from './https-api-server.ts';
import type { Credentials } from './https-calls.ts';

// Of the client are imported its reading of kubeconfigs and its renewal of credentials: these modules take 7 MB, and its
// KubeConfig class, which imports the models of all kinds, 87 MB.

/** An API server, and the namespace that calls are made from. */
export interface KubeClient {
  readonly server: ApiServer;
  /** Of the pod, or of the context of the kubeconfig; `default` without one. */
  readonly namespace: string;
  /** Where the API server is, for messages. */
  readonly url: string;
}

/** Where the kubelet puts the credentials of a pod's ServiceAccount. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What a kubeconfig selects. */
interface Selected {
  readonly cluster: Cluster;
  readonly user: User;
  readonly namespace: string;
  /** Paths in it are relative to this folder. */
  readonly folder: string;
}

/**
 * `from`: the path of a kubeconfig, whose current context is used, or `in-cluster`. Throws API_INVALID for what cannot be
 * used: also for a kubeconfig that turns the verification of TLS off. Files of tokens and certificates are read again.
 */
export function kubeClient(
  from: string,
  clock: Clock,
  surroundings: { readonly env: NodeJS.ProcessEnv; readonly serviceAccount?: string } = { env: process.env },
): KubeClient {
  const selected =
    from === 'in-cluster'
      ? inCluster(surroundings.env, surroundings.serviceAccount ?? serviceAccountFolder)
      : fromFile(from);
  const url = urlOf(selected.cluster);
  const credentials = credentialsOf(selected, url);
  return { server: new HttpsApiServer(credentials, clock), namespace: selected.namespace, url: url.href };
}

function inCluster(env: NodeJS.ProcessEnv, folder: string): Selected {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined || host === '')
    throw invalid(
      'this is no pod: KUBERNETES_SERVICE_HOST is not set; name a kubeconfig in place of in-cluster',
    );
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    cluster: {
      name: 'in-cluster',
      server: `https://${authority}`,
      caFile: `${folder}/ca.crt`,
      skipTLSVerify: false,
    },
    user: withTokenFile({ name: 'in-cluster' }, `${folder}/token`),
    namespace: readText(`${folder}/namespace`).trim(),
    folder,
  };
}

function fromFile(path: string): Selected {
  const config = readConfig(path);
  const contexts = newContexts(config['contexts']);
  const name = config['current-context'];
  const context = contexts.find((one) => one.name === name);
  if (!context)
    throw invalid(`the kubeconfig ${path} has no context ${JSON.stringify(name)}: set current-context`);
  const cluster = newClusters(config['clusters']).find((one) => one.name === context.cluster);
  if (!cluster) throw invalid(`the kubeconfig ${path} has no cluster ${JSON.stringify(context.cluster)}`);
  const user = usersOf(config['users']).find((one) => one.name === context.user);
  if (!user) throw invalid(`the kubeconfig ${path} has no user ${JSON.stringify(context.user)}`);
  return { cluster, user, namespace: context.namespace ?? 'default', folder: dirname(path) };
}

function readConfig(path: string): Readonly<Record<string, unknown>> {
  let config: unknown;
  try {
    config = parse(readText(path));
  } catch (error) {
    // The message of the parser shows the text, in which a token may be.
    if (error instanceof ApiFailure) throw error;
    throw invalid(`the kubeconfig ${path} is not YAML`);
  }
  if (typeof config !== 'object' || config === null) throw invalid(`the kubeconfig ${path} is empty`);
  return config as Readonly<Record<string, unknown>>;
}

/** The client reads `tokenFile` once at the most; a user with one has its token read again as in a pod. */
function usersOf(written: unknown): readonly User[] {
  const list = Array.isArray(written) ? (written as readonly { user?: { tokenFile?: unknown } }[]) : [];
  return newUsers(written).map((user, i) => {
    const { tokenFile } = list[i]?.user ?? {};
    return typeof tokenFile === 'string' && tokenFile !== '' ? withTokenFile(user, tokenFile) : user;
  });
}

const withTokenFile = (user: User, tokenFile: string): User => ({
  ...user,
  authProvider: { name: 'tokenFile', config: { tokenFile } },
});

function urlOf({ name, server, skipTLSVerify, proxyUrl }: Cluster): URL {
  const url = URL.parse(server);
  if (!url) throw invalid(`the server ${JSON.stringify(server)} of the cluster ${name} is no URL`);
  if (url.protocol !== 'https:')
    throw invalid(`the API server of the cluster ${name} is reached by https only, not by ${url.protocol}`);
  if (skipTLSVerify)
    throw invalid(
      `the kubeconfig sets insecure-skip-tls-verify for the cluster ${name}: give its CA as certificate-authority-data`,
    );
  if (proxyUrl)
    throw invalid(`the kubeconfig has a proxy-url for the cluster ${name}, which is not supported`);
  return url;
}

function credentialsOf(selected: Selected, url: URL): () => Promise<Credentials> {
  const { cluster, folder } = selected;
  const user = absolute(selected.user, folder);
  const authenticator = authenticatorOf(user);
  return async () => {
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    try {
      await authenticator?.applyAuthentication(user, options);
    } catch (error) {
      // What a plug-in writes may contain anything.
      const code = (error as NodeJS.ErrnoException).code ?? 'its plug-in failed';
      throw unauthenticated(`no token for the API server at ${url.host} (${code})`, error);
    }
    const token = headerOf(options.headers['Authorization'], user);
    return {
      url,
      ca: pem(cluster.caFile && resolve(folder, cluster.caFile), cluster.caData),
      cert: textOf(options.cert) ?? pem(user.certFile, user.certData),
      key: textOf(options.key) ?? pem(user.keyFile, user.keyData),
      serverName: cluster.tlsServerName,
      headers: token === undefined ? {} : { authorization: token },
    };
  };
}

function absolute(user: User, folder: string): User {
  const { config } = (user.authProvider ?? {}) as { config?: { tokenFile?: string } };
  const placed =
    config?.tokenFile === undefined ? user : withTokenFile(user, resolve(folder, config.tokenFile));
  return {
    ...placed,
    ...(user.certFile === undefined ? undefined : { certFile: resolve(folder, user.certFile) }),
    ...(user.keyFile === undefined ? undefined : { keyFile: resolve(folder, user.keyFile) }),
  };
}

/** A plug-in's answer is kept until it expires. A file is read for each call, as it may have been renewed just now. */
function authenticatorOf(user: User): Pick<FileAuth, 'applyAuthentication'> | undefined {
  if (new FileAuth().isAuthProvider(user))
    return { applyAuthentication: (...args) => new FileAuth().applyAuthentication(...args) };
  const known = [new ExecAuth()].find((one) => one.isAuthProvider(user));
  if (!known && user.authProvider)
    throw invalid(
      `the user ${user.name} of the kubeconfig has an auth-provider, which is not supported: use exec`,
    );
  return known;
}

/** Lines end files of tokens, and no header may have one. */
function headerOf(applied: string | undefined, { token, username, password }: User): string | undefined {
  if (applied !== undefined) return applied.trim();
  if (token) return `Bearer ${token.trim()}`;
  if (!username) return undefined;
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}

function pem(file: string | undefined, data: string | undefined): string | undefined {
  if (file) return readText(file);
  return data ? Buffer.from(data, 'base64').toString('utf8') : undefined;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unauthenticated(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      error,
    );
  }
}

const invalid = (message: string): ApiFailure => new ApiFailure('API_INVALID', message);

const unauthenticated = (message: string, cause: unknown): ApiFailure =>
  new ApiFailure(
    'API_UNAUTHENTICATED',
    `${message}; check the files of the ServiceAccount or of the kubeconfig`,
    {
      cause,
    },
  );
