import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { rulesOf } from '../../charts/rules.ts';
import { hubAccess } from '../../federation/access.ts';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { until } from '../fakes/agent.ts';
import { run } from '../fakes/command-line.ts';
import { HubProcess } from '../fakes/hub-process.ts';
import { withApiServer } from './start-api-server.ts';

const kind = (group: string, name: string, plural: string, isNamespaced = true): Resource => ({
  group,
  version: 'v1',
  kind: name,
  plural,
  isNamespaced,
});
const rbac = 'rbac.authorization.k8s.io';
const namespace = 'isthmus-system';
const service = { namespace, name: 'isthmus-hub-link' };
const secret = { namespace, name: 'isthmus-admin-token' };
const services = kind('', 'Service', 'services');

/** What the chart installs: a Role of the access list for the user `agent`, the Service, and a Secret without a token. */
async function install(server: ApiServer): Promise<void> {
  const make = (of: Resource, object: object) =>
    server.create(of, of.isNamespaced ? namespace : '', {
      apiVersion: of.group === '' ? 'v1' : `${of.group}/v1`,
      kind: of.kind,
      ...object,
    });
  await make(kind('', 'Namespace', 'namespaces', false), { metadata: { name: namespace } });
  const named = { metadata: { namespace, name: 'isthmus-hub' } };
  await make(kind(rbac, 'Role', 'roles'), { ...named, rules: rulesOf(hubAccess, 'OWN') });
  await make(kind(rbac, 'RoleBinding', 'rolebindings'), {
    ...named,
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'isthmus-hub' },
    subjects: [{ apiGroup: rbac, kind: 'User', name: 'agent' }],
  });
  await make(secrets, { metadata: secret });
  const ports = [
    { name: 'link', port: 15101 },
    { name: 'join', port: 15102 },
  ];
  await make(services, {
    metadata: service,
    spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, selector: { app: 'hub' }, ports },
  });
}

withApiServer('a hub in Kubernetes, as a process, with the role of its chart', (started) => {
  let dir = '';
  let claim: Claim;
  let hub: HubProcess | undefined;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-kube-hub-'));
    claim = await claimBlock({ first: 150, table: () => [] });
    await install(started().client().server);
    hub = await new HubProcess(join(dir, 'hub'), claim.octet, [
      ...['--kubernetes', started().kubeconfig('agent')],
      ...['--outside-service', `${service.namespace}/${service.name}`],
      ...['--admin-token-secret', `${secret.namespace}/${secret.name}`],
    ]).ready();
  });
  after(async () => {
    await hub?.kill();
    claim.release();
    rmSync(dir, { recursive: true });
  });

  const address = () => `127.${claim.octet}.0.1`;
  const isthmus = (...args: string[]) =>
    run([...args, '--url', `http://${address()}:18080`, '--token-file', join(dir, 'token')]);

  it('writes its admin token into the Secret of the chart, and its API lets it in', async () => {
    const { server } = started().client();
    const token = await until(async () => {
      const found = (await server.get(secrets, secret)) as { data?: { token?: string } };
      return found.data?.token;
    });
    writeFileSync(join(dir, 'token'), Buffer.from(token, 'base64'));
    const { status, err } = await isthmus('clusters');
    assert.equal(status, 0, err);
    assert.ok(!hub?.log.includes(Buffer.from(token, 'base64').toString()));
  });

  it('makes tokens that name the address of its load balancer once it has one', async () => {
    const none = await isthmus('token', 'east');
    assert.match(none.err, /HUB_ADDRESS_UNKNOWN: .*has no address yet/);
    const status = { loadBalancer: { ingress: [{ ip: address() }] } };
    await started()
      .client()
      .server.patch(services, { ...service, subresource: 'status' }, { how: 'merge' }, { status });
    const made = await until(async () => {
      const { out } = await isthmus('token', 'east');
      return out !== '' && out;
    });
    const body = Buffer.from(made.split('.')[2] ?? '', 'base64url').toString();
    assert.deepEqual((JSON.parse(body) as { joinEndpoints: string[] }).joinEndpoints, [`${address()}:15102`]);
  });

  it('keeps its address while the API server is away, and says so, and follows it again', async () => {
    await started().stopApi();
    await until(async () => (await isthmus('check')).out.includes('HUB_SERVICE_UNREAD'));
    assert.equal((await isthmus('token', 'west')).status, 0);
    await started().startApi();
    await until(async () => !(await isthmus('check')).out.includes('HUB_SERVICE_UNREAD'));
  });
});
