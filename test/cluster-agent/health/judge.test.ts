import assert from 'node:assert/strict';
import { judge, type Certificates, type Proxies } from '@isthmus/cluster-agent/health/judge.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { surroundingsOf } from '../../fakes/surroundings.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { viewOf } from '../../fakes/cluster.ts';
import { certificatesOf, proxiesOf } from '../../fakes/proxies.ts';

const now = Date.UTC(2026, 0);
const cluster = { cluster: 'east', trustDomain: defaultTrustDomain };
const cart = 'spiffe://cluster.local/ns/shop/sa/cart';

const pod = (
  namespace: string,
  name: string,
  { account = name, node = 'n1', ready = true, labels = 'a: b', address = '127.7.1.1' } = {},
) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, uid: u-${name}, labels: { ${labels} } }
spec: { ${node === '' ? '' : `nodeName: ${node}, `}serviceAccountName: ${account}, containers: [{ name: c }] }
status: { podIP: ${address}, conditions: [{ type: Ready, status: '${ready ? 'True' : 'False'}' }] }
`;

const text = `
apiVersion: v1
kind: Node
metadata: { name: n1 }
---
apiVersion: v1
kind: Node
metadata: { name: bare }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Namespace
metadata: { name: typo, labels: { istio.io/dataplane-mode: ambeint } }
---
apiVersion: v1
kind: Namespace
metadata: { name: injected, labels: { istio-injection: enabld } }
---
apiVersion: v1
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { topology.istio.io/network: network-east } }
spec: { selector: { app: gw }, ports: [{ port: 15008 }] }
${pod('istio-system', 'z1', { account: 'ztunnel' })}
${pod('istio-system', 'gw-1', { labels: 'app: gw' })}
${pod('shop', 'cart')}
${pod('shop', 'waiting', { ready: false })}
${pod('shop', 'ghost', { node: 'nowhere' })}
${pod('shop', 'unserved', { node: 'bare' })}
${pod('shop', 'side', { labels: "sidecar.istio.io/inject: 'true'" })}
${pod('shop', 'inject-typo', { labels: 'sidecar.istio.io/inject: ture' })}
${pod('plain', 'loner')}
${pod('plain', 'loner-waiting', { ready: false })}
${pod('plain', 'stranded', { node: 'nowhere' })}
${pod('plain', 'unplaced', { node: '' })}
${pod('typo', 'a')}
${pod('typo', 'opted-out', { labels: 'istio.io/dataplane-mode: none' })}
${pod('injected', 'b')}
`;

const view = viewOf(text);
const around = surroundingsOf(view, cluster);
const ztunnel = { 'ztunnel/istio-system/z1': {} };

const verdictOf = (
  name: string,
  proxies: Proxies = proxiesOf(ztunnel),
  certificates: Certificates = certificatesOf(),
  at = now,
) => {
  const [namespace = '', pod = ''] = name.split('/');
  const found = view.get('Pod', namespace, pod);
  assert.ok(found);
  return judge(found, around, proxies, certificates, at);
};

const causeOf = (...given: Parameters<typeof verdictOf>) => verdictOf(...given).problem?.cause;

describe('an endpoint is healthy', () => {
  it('when its pod is ready and the proxy that serves it is connected, holds its workload and a certificate', () => {
    assert.deepEqual(verdictOf('shop/cart'), {
      problem: undefined,
      stale: undefined,
      provenBy: 'ztunnel/istio-system/z1',
      until: Date.UTC(2100, 0),
    });
    assert.equal(verdictOf('shop/side', proxiesOf({ 'sidecar/shop/side': {} })).problem, undefined);
    assert.equal(
      verdictOf('istio-system/gw-1', proxiesOf({ 'router/istio-system/gw-1': {} })).problem,
      undefined,
    );
  });

  it('by an upstream ztunnel that serves its pod alone', () => {
    assert.equal(
      verdictOf('shop/cart', proxiesOf({ 'ztunnel/shop/cart': {} })).provenBy,
      'ztunnel/shop/cart',
    );
    assert.equal(
      verdictOf('shop/side', proxiesOf({ 'ztunnel/shop/side': {} })).provenBy,
      'ztunnel/shop/side',
    );
  });

  it('when it is of no mesh mode and ready, whatever proxies there are', () => {
    assert.equal(causeOf('plain/loner', proxiesOf({})), undefined);
    assert.equal(causeOf('plain/unplaced', proxiesOf({})), undefined);
    assert.equal(causeOf('plain/loner-waiting'), 'NOT_READY');
    assert.equal(causeOf('typo/opted-out', proxiesOf({})), undefined);
  });
});

describe('an endpoint is not healthy', () => {
  it('when its pod is not ready; its proxy has proven itself all the same', () => {
    const verdict = verdictOf('shop/waiting');
    assert.equal(verdict.problem?.cause, 'NOT_READY');
    assert.equal(verdict.provenBy, 'ztunnel/istio-system/z1');
  });

  it('on a node that does not exist, also outside the mesh', () => {
    assert.deepEqual(verdictOf('shop/ghost').problem, {
      cause: 'NODE_UNKNOWN',
      object: 'Node nowhere',
    });
    assert.equal(causeOf('plain/stranded'), 'NODE_UNKNOWN');
  });

  it('on a node without a ztunnel', () => {
    assert.deepEqual(verdictOf('shop/unserved').problem, {
      cause: 'PROXY_MISSING',
      object: 'Node bare',
    });
  });

  it('under a misspelt mode label of its own or of its namespace', () => {
    assert.deepEqual(verdictOf('typo/a').problem, {
      cause: 'MODE_UNKNOWN',
      object: 'Namespace typo',
      label: 'istio.io/dataplane-mode',
      value: 'ambeint',
      known: ['ambient', 'none'],
    });
    assert.equal(causeOf('injected/b'), 'MODE_UNKNOWN');
    assert.equal(causeOf('shop/inject-typo'), 'MODE_UNKNOWN');
  });

  it('when its proxy is not connected, and says which proxy that is', () => {
    const away = proxiesOf({ 'ztunnel/istio-system/z1': { contact: 'AWAY' } });
    assert.deepEqual(verdictOf('shop/cart', away).problem, {
      cause: 'PROXY_NOT_CONNECTED',
      object: 'Pod istio-system/z1',
    });
    assert.deepEqual(verdictOf('shop/side').problem?.object, 'Pod shop/side');
    assert.equal(causeOf('istio-system/gw-1'), 'PROXY_NOT_CONNECTED');
  });

  it('until its proxy has acknowledged its workload, and when it has refused it', () => {
    const of = (acknowledged: 'NO' | { refused: string }) =>
      proxiesOf({ 'ztunnel/istio-system/z1': { acknowledged } }, { 'u-cart': 'ztunnel/istio-system/z1' });
    assert.equal(causeOf('shop/cart', of('NO')), 'WORKLOAD_NOT_ACKNOWLEDGED');
    assert.deepEqual(verdictOf('shop/cart', of({ refused: 'it is odd' })).problem, {
      cause: 'WORKLOAD_REFUSED',
      object: 'Pod istio-system/z1',
      reason: 'it is odd',
    });
  });

  it('without a certificate that this agent issued to that proxy for that identity', () => {
    const none = certificatesOf({ [`u-z1 ${cart}`]: null });
    assert.equal(causeOf('shop/cart', undefined, none), 'CERTIFICATE_MISSING');
    assert.equal(causeOf('shop/waiting', undefined, none), 'NOT_READY');
  });

  it('from the end of its certificate on', () => {
    const until = (notAfter: number) => certificatesOf({ [`u-z1 ${cart}`]: { notAfter, issuer: 'k1' } });
    assert.equal(causeOf('shop/cart', undefined, until(now + 1)), undefined);
    assert.equal(causeOf('shop/cart', undefined, until(now)), 'CERTIFICATE_EXPIRED');
  });

  it('when the issuer of its certificate is revoked', () => {
    assert.equal(
      causeOf('shop/cart', undefined, certificatesOf({}, { revoked: ['k1'] })),
      'CERTIFICATE_REVOKED',
    );
  });
});

describe('the last value of a proxy', () => {
  const proven = { 'u-cart': 'ztunnel/istio-system/z1', 'u-waiting': 'ztunnel/istio-system/z1' };
  const lost = (contact: 'HELD' | 'STALE' | 'AWAY') =>
    proxiesOf({ 'ztunnel/istio-system/z1': { contact } }, proven);

  it('holds while its stream is lost, and is marked where the agent may be the cause', () => {
    assert.equal(causeOf('shop/cart', lost('HELD')), undefined);
    assert.equal(verdictOf('shop/cart', lost('HELD')).stale, undefined);
    assert.equal(verdictOf('shop/cart', lost('STALE')).stale, 'PROXY');
    assert.equal(causeOf('shop/cart', lost('AWAY')), 'PROXY_NOT_CONNECTED');
  });

  it('proves nothing of a pod that it never served, and takes no readiness for it', () => {
    assert.equal(causeOf('shop/side', lost('STALE')), 'PROXY_NOT_CONNECTED');
    assert.equal(causeOf('shop/waiting', lost('STALE')), 'NOT_READY');
  });

  it('holds also when the proxy’s pod is gone and another has taken its place but not connected yet', () => {
    const replaced = proxiesOf(
      { 'ztunnel/istio-system/old': { contact: 'HELD' } },
      { 'u-cart': 'ztunnel/istio-system/old' },
    );
    assert.equal(causeOf('shop/cart', replaced), undefined);
  });

  it('stands for a certificate that the record does not go back to, stale, until it had to be renewed', () => {
    const returned = proxiesOf({ 'ztunnel/istio-system/z1': { returned: true } });
    const lost = certificatesOf({ [`u-z1 ${cart}`]: null }, { since: now });
    assert.deepEqual(verdictOf('shop/cart', returned, lost), {
      problem: undefined,
      stale: 'CERTIFICATE',
      provenBy: 'ztunnel/istio-system/z1',
      until: now + day,
    });
    assert.equal(causeOf('shop/cart', returned, lost, now + day), 'CERTIFICATE_MISSING');
    assert.equal(causeOf('shop/cart', undefined, lost), 'CERTIFICATE_MISSING');
  });
});

describe('what a proxy reports of its certificates', () => {
  const shown = (part: object) => ({
    'ztunnel/istio-system/z1': {
      shown: { identity: cart, serial: 'ab', issuerKeyId: 'cd', notAfter: now + day, problem: '', ...part },
    },
  });

  it('makes its pods unhealthy where it holds no valid one, whatever was issued', () => {
    for (const part of [{ serial: '', notAfter: 0, problem: 'UNAVAILABLE' }, { notAfter: now }])
      assert.equal(causeOf('shop/cart', proxiesOf(shown(part))), 'CERTIFICATE_NOT_HELD');
    const { problem } = verdictOf('shop/cart', proxiesOf(shown({ serial: '', problem: 'UNAVAILABLE' })));
    assert.deepEqual(problem, {
      cause: 'CERTIFICATE_NOT_HELD',
      object: 'Pod istio-system/z1',
      lastRequest: 'UNAVAILABLE',
    });
  });

  it('makes nothing healthy that was issued none, and changes nothing where it is valid', () => {
    const none = certificatesOf({ [`u-z1 ${cart}`]: null });
    assert.equal(causeOf('shop/cart', proxiesOf(shown({})), none), 'CERTIFICATE_MISSING');
    assert.equal(causeOf('shop/cart', proxiesOf(shown({}))), undefined);
  });
});
