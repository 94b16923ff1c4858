import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { kubeClient } from '@isthmus/api/kube/client.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ServerCa } from '../../fakes/server-pair.ts';
import { MisbehavingServer } from './misbehaving-server.ts';

const pods: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', isNamespaced: true };

const refused =
  (code: string, text: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ApiFailure, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.doesNotMatch(error.message, /secret-token/);
    return true;
  };

describe('a client of an API server', () => {
  let server: MisbehavingServer;
  beforeEach(async () => {
    server = await new MisbehavingServer().start();
    server.answer = (_, response) => response.end('{"items":[],"metadata":{"resourceVersion":"1"}}');
  });
  afterEach(() => server.stop());

  const list = (from = server.kubeconfig()) => kubeClient(from, new FakeClock()).server.list(pods, {});
  const lastToken = () => server.requests.at(-1)?.authorization;

  describe('with a kubeconfig', () => {
    it('sends its token', async () => {
      await list();
      assert.equal(lastToken(), 'Bearer secret-token');
    });

    it('reads a token from a file beside it, without the end of its line', async () => {
      server.write('token', 'from-file\n');
      await list(server.kubeconfig({ user: { tokenFile: 'token' } }));
      assert.equal(lastToken(), 'Bearer from-file');
    });

    it('names the namespace of its context', () => {
      const of = (context: object) => kubeClient(server.kubeconfig({ context }), new FakeClock()).namespace;
      assert.deepEqual([of({ namespace: 'mesh' }), of({})], ['mesh', 'default']);
    });

    it('runs a plug-in that prints a token, and does not show what it prints when it fails', async () => {
      const credential = JSON.stringify({ status: { token: 'from-plug-in' } });
      const user = (script: string) => ({ user: { exec: { command: '/bin/sh', args: ['-c', script] } } });
      await list(server.kubeconfig(user(`echo '${credential}'`)));
      assert.equal(lastToken(), 'Bearer from-plug-in');
      const failing = server.kubeconfig(user('echo secret-token >&2; exit 1'));
      await assert.rejects(list(failing), refused('API_UNAUTHENTICATED', /plug-in failed/));
    });

    it('verifies the server by its CA, and by its name', async () => {
      const other = Buffer.from(new ServerCa().pem).toString('base64');
      const byOther = server.kubeconfig({ cluster: { ['certificate-authority-data']: other } });
      await assert.rejects(list(byOther), refused('API_UNREACHABLE', /check that the CA/));
      const named = server.kubeconfig({ cluster: { ['tls-server-name']: 'elsewhere.example' } });
      await assert.rejects(list(named), refused('API_UNREACHABLE', /names in the server's certificate/));
      assert.equal(server.requests.length, 0, 'nothing was sent');
    });

    for (const [what, over, text] of [
      ['that turns the verification off', { ['insecure-skip-tls-verify']: true }, /insecure-skip-tls-verify/],
      ['without TLS', { server: 'http://127.0.0.1:1' }, /https only/],
      ['that is no URL', { server: 'nonsense' }, /is no URL/],
      ['behind a proxy', { ['proxy-url']: 'http://proxy' }, /proxy-url/],
    ] as const)
      it(`refuses a server ${what}`, () => {
        const path = server.kubeconfig({ cluster: over });
        assert.throws(() => kubeClient(path, new FakeClock()), refused('API_INVALID', text));
      });

    for (const [what, text, message] of [
      ['that is not there', undefined, /cannot be read \(ENOENT\)/],
      ['that is not YAML', 'secret-token: {', /is not YAML/],
      ['that is empty', '', /is empty/],
      ['without a context', '{}', /set current-context/],
    ] as const)
      it(`refuses one ${what}`, () => {
        const path = text === undefined ? `${server.folder}/none` : server.write('config', text);
        assert.throws(
          () => kubeClient(path, new FakeClock()),
          (error: Error) => message.test(error.message),
        );
      });
  });

  describe('in a pod', () => {
    const surroundings = () => {
      server.write('ca.crt', server.ca.pem);
      server.write('token', 'of-pod\n');
      server.write('namespace', 'isthmus-system');
      const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) };
      return { env, serviceAccount: server.folder };
    };

    it('takes the token, the CA and the namespace of its ServiceAccount', async () => {
      const client = kubeClient('in-cluster', new FakeClock(), surroundings());
      await client.server.list(pods, {});
      assert.equal(lastToken(), 'Bearer of-pod');
      assert.equal(client.namespace, 'isthmus-system');
    });

    it('reads its token for each call, as the kubelet renews it', async () => {
      const client = kubeClient('in-cluster', new FakeClock(), surroundings());
      await client.server.list(pods, {});
      server.write('token', 'renewed\n');
      await client.server.list(pods, {});
      assert.equal(lastToken(), 'Bearer renewed');
    });

    it('reads its CA again, and says which file is gone', async () => {
      const client = kubeClient('in-cluster', new FakeClock(), surroundings());
      await client.server.list(pods, {});
      rmSync(`${server.folder}/ca.crt`);
      await assert.rejects(
        client.server.list(pods, {}),
        refused('API_UNAUTHENTICATED', /ca\.crt cannot be read/),
      );
      server.write('ca.crt', new ServerCa().pem);
      await assert.rejects(client.server.list(pods, {}), refused('API_UNREACHABLE', /CA/));
    });

    it('says that it is none', () =>
      assert.throws(
        () => kubeClient('in-cluster', new FakeClock(), { env: {} }),
        refused('API_INVALID', /KUBERNETES_SERVICE_HOST/),
      ));
  });
});
