import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import type { StartedApiServer } from './start-api-server.ts';

/** A pod as the token of its service account names it. */
interface TokenPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

/** What a kubelet asks for and mounts into a pod: a token of its service account, for audience `istio-ca`. */
export async function podToken(
  server: StartedApiServer,
  { namespace, name, uid, serviceAccount }: TokenPod,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name, uid };
  const answer = await post(server, path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: ['istio-ca'], expirationSeconds: 3600, boundObjectRef },
  });
  const { status } = JSON.parse(answer) as { readonly status?: { readonly token?: string } };
  if (status?.token === undefined)
    throw new Error(`no token of pod ${namespace}/${name}: ${answer.slice(0, 500)}`);
  return status.token;
}

function post(server: StartedApiServer, path: string, body: object): Promise<string> {
  const ca = readFileSync(join(dirname(server.kubeconfig()), 'certs/apiserver.crt'));
  const headers = { authorization: 'Bearer token-of-admin', 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const call = request(`${server.url}${path}`, { method: 'POST', ca, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}
