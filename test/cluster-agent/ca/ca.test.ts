import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { decodeJwt, SignJWT } from 'jose';
import { WorkloadIssuer } from '@isthmus/cluster-agent/ca/issuer.ts';
import { authorizeIdentity, type Pods } from '@isthmus/cluster-agent/ca/node-authorizer.ts';
import { podsOf } from '@isthmus/cluster-agent/ca/pods.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import type { NodeProxyAccounts } from '@isthmus/cluster-agent/view/node-proxy.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import type { Caller } from '@isthmus/cluster-agent/ca/authenticator.ts';
import { ProjectedTokens } from '@isthmus/cluster-agent/source/files/tokens.ts';
import { unseal } from '@isthmus/mesh/pki/seal.ts';
import { createCsr, readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, day, issueIntermediate, issueRoot, keyIdOf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { aSealing } from '../../fakes/authority.ts';
import { objectsOf } from '../../fakes/cluster.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { handMadeCertificate } from '../../fakes/hand-made.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'isthmus-ca-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const ztunnel: Caller = {
  namespace: 'istio-system',
  serviceAccount: 'ztunnel',
  node: 'n1',
  pod: { name: 'ztunnel-n1', uid: 'z1' },
};
const cart: Caller = {
  namespace: 'shop',
  serviceAccount: 'cart',
  node: 'n1',
  pod: { name: 'cart-1', uid: 'c1' },
};
const places = [
  { ...ztunnel, pod: ztunnel.pod },
  { ...cart, pod: cart.pod },
  { namespace: 'shop', serviceAccount: 'orders', node: 'n2', pod: { name: 'orders-1', uid: 'o1' } },
];
const pods: Pods = {
  synced: true,
  pod(namespace, name) {
    const found = places.find((one) => one.namespace === namespace && one.pod.name === name);
    return found && { uid: found.pod.uid, node: found.node, serviceAccount: found.serviceAccount };
  },
  isNodeProxyAccount: (namespace, serviceAccount) =>
    `${namespace}/${serviceAccount}` === 'istio-system/ztunnel',
  runsOn: (node, namespace, serviceAccount) =>
    places.some(
      (one) => one.node === node && one.namespace === namespace && one.serviceAccount === serviceAccount,
    ),
};

describe('cluster-agent/ca: who may have which identity', () => {
  const spiffe = (path: string, domain = 'cluster.local') => `spiffe://${domain}/ns/${path}`;
  const cases: readonly (readonly [string, Caller, string, string | undefined])[] = [
    ['a pod, its own', cart, '', 'shop/cart'],
    ['a pod, its own by name', cart, spiffe('shop/sa/cart'), 'shop/cart'],
    ['a node’s proxy, its own', ztunnel, '', 'istio-system/ztunnel'],
    ['a node’s proxy, a pod of its node', ztunnel, spiffe('shop/sa/cart'), 'shop/cart'],
    ['a node’s proxy, a pod of another node', ztunnel, spiffe('shop/sa/orders'), undefined],
    ['a node’s proxy, a pod that is nowhere', ztunnel, spiffe('shop/sa/nobody'), undefined],
    ['a node’s proxy, another trust domain', ztunnel, spiffe('shop/sa/cart', 'td-b'), undefined],
    ['a node’s proxy, no SPIFFE ID', ztunnel, 'cart', undefined],
    ['a node’s proxy, another shape of path', ztunnel, 'spiffe://cluster.local/cart', undefined],
    ['a pod, its neighbour', cart, spiffe('istio-system/sa/ztunnel'), undefined],
    [
      'a ztunnel account of another namespace',
      { ...cart, serviceAccount: 'ztunnel' },
      spiffe('shop/sa/cart'),
      undefined,
    ],
    ['a pod that has been replaced', { ...cart, pod: { name: 'cart-1', uid: 'older' } }, '', undefined],
    ['a pod that has gone', { ...cart, pod: { name: 'cart-9', uid: 'c9' } }, '', undefined],
    [
      'a token that was made out for another node',
      { ...ztunnel, node: 'n2' },
      spiffe('shop/sa/cart'),
      undefined,
    ],
  ];
  for (const [what, caller, wanted, granted] of cases)
    it(`${granted === undefined ? 'refuses' : 'grants'} ${what}`, () => {
      const answer = authorizeIdentity(caller, wanted, defaultTrustDomain, pods);
      const got = answer.ok ? `${answer.value.namespace}/${answer.value.serviceAccount}` : undefined;
      assert.equal(got, granted);
      if (!answer.ok) assert.ok(answer.error.length > 10);
    });
});

describe('cluster-agent/ca: the accounts of node proxies', () => {
  const cartOnNode = 'spiffe://cluster.local/ns/shop/sa/cart';
  const ofIsthmus: Caller = {
    ...ztunnel,
    namespace: 'isthmus-system',
    pod: { name: 'ztunnel-x', uid: 'x1' },
  };
  const granted = (accounts: NodeProxyAccounts | undefined, caller: Caller) => {
    const view = new ClusterView(accounts);
    const events = objectsOf(`
apiVersion: v1
kind: Pod
metadata: { name: ztunnel-x, namespace: isthmus-system, uid: x1 }
spec: { nodeName: n1, serviceAccountName: ztunnel, containers: [{}] }
---
apiVersion: v1
kind: Pod
metadata: { name: ztunnel-n1, namespace: istio-system, uid: z1 }
spec: { nodeName: n1, serviceAccountName: ztunnel, containers: [{}] }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-1, namespace: shop, uid: c1 }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{}] }
`);
    view.apply(Array.from(events, ([id, object]) => ({ type: 'upsert', id, object })));
    return authorizeIdentity(caller, cartOnNode, defaultTrustDomain, podsOf(view)).ok;
  };

  it('are that of Istio alone, unless others are named', () => {
    assert.deepEqual([granted(undefined, ztunnel), granted(undefined, ofIsthmus)], [true, false]);
  });

  it('may be another one, and more than one', () => {
    const own = new Set(['isthmus-system/ztunnel']);
    assert.deepEqual([granted(own, ztunnel), granted(own, ofIsthmus)], [false, true]);
    const both = new Set([...own, 'istio-system/ztunnel']);
    assert.deepEqual([granted(both, ztunnel), granted(both, ofIsthmus)], [true, true]);
  });
});

describe('cluster-agent/ca: tokens', () => {
  const clock = () => new FakeClock();
  const open = (at = clock()) => ({
    at,
    tokens: new ProjectedTokens(join(folder, 'token-key'), aSealing, at),
  });
  const refused = { code: 'UNAUTHENTICATED' };

  it('prove their pod, also after a restart, by a sealed key in a 0600 file', async () => {
    const { tokens, at } = open();
    const token = await tokens.issue(cart, 600);
    assert.deepEqual(await tokens.authenticate(`Bearer ${token}`), cart);
    assert.deepEqual(await open(at).tokens.authenticate(`Bearer ${token}`), cart);
    const file = join(folder, 'token-key');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(!readFileSync(file, 'utf8').includes('PRIVATE KEY'));
  });

  it('end with their time, a minute of clocks apart allowed', async () => {
    const { tokens, at } = open();
    const token = `Bearer ${await tokens.issue(cart, 600)}`;
    await at.advance(659_000);
    assert.deepEqual(await tokens.authenticate(token), cart);
    await at.advance(2000);
    await assert.rejects(tokens.authenticate(token), refused);
  });

  it('of another agent, unsigned, damaged, unbound or absent are refused', async () => {
    const { tokens, at } = open();
    const good = await tokens.issue(cart, 600);
    const [head, body, signature] = good.split('.');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const other = await new ProjectedTokens(join(folder, 'other'), aSealing, at).issue(ztunnel, 600);
    const cases: Record<string, string | undefined> = {
      'no header': undefined,
      'an empty one': '',
      'no bearer': good,
      'another agent’s': `Bearer ${other}`,
      unsigned: `Bearer ${encode({ alg: 'none' })}.${body}.`,
      'with a secret for a key': `Bearer ${encode({ alg: 'HS256' })}.${body}.${signature}`,
      'other claims': `Bearer ${head}.${encode({ sub: 'x' })}.${signature}`,
      'cut off': `Bearer ${good.slice(0, -4)}`,
      'bound to no node': `Bearer ${await tokens.issue({ ...cart, node: '' }, 600)}`,
      'bound to no pod': `Bearer ${await tokens.issue({ ...cart, pod: { name: '', uid: '' } }, 600)}`,
    };
    for (const [what, header] of Object.entries(cases))
      await assert.rejects(tokens.authenticate(header), refused, what);
  });

  it('signed by the same agent for another use or without an end are refused', async () => {
    const { tokens, at } = open();
    const key = createPrivateKey(
      unseal(readFileSync(join(folder, 'token-key'), 'utf8'), 'token key', aSealing.provider),
    );
    const good = decodeJwt(await tokens.issue(cart, 600));
    const resigned = async (over: Record<string, unknown>) =>
      `Bearer ${await new SignJWT({ ...good, ...over }).setProtectedHeader({ alg: 'ES256' }).sign(key)}`;
    assert.deepEqual(await tokens.authenticate(await resigned({})), cart);
    for (const over of [
      { aud: 'kubernetes' },
      { aud: [] },
      { iss: 'another' },
      { exp: undefined },
      { nbf: at.now() / 1000 + 600 },
    ])
      await assert.rejects(tokens.authenticate(await resigned(over)), refused, JSON.stringify(over));
  });

  it('a refusal repeats nothing of the token', async () => {
    const { tokens } = open();
    const token = await tokens.issue(cart, 600);
    await assert.rejects(tokens.authenticate(`Bearer ${token}x`), (error: Error) => {
      assert.doesNotMatch(error.message, new RegExp(token.slice(-20)));
      return true;
    });
  });
});

describe('cluster-agent/ca: rate', () => {
  it('lets a start through at once, then ten a second, each caller for itself', async () => {
    const clock = new FakeClock();
    const limit = new RateLimit(clock, 10, 200);
    const taken = (name: string, asks: number) =>
      Array.from({ length: asks }, () => limit.take(name)).filter(Boolean).length;
    assert.equal(taken('a', 300), 200);
    assert.equal(taken('b', 1), 1);
    await clock.advance(1000);
    assert.equal(taken('a', 300), 10);
    await clock.advance(3_600_000);
    assert.equal(taken('a', 300), 200);
  });
});

/** The hub's part: a root that signs what the agent asks for. */
function hub(clock: FakeClock) {
  const key = generateKey();
  const root = issueRoot('cluster.local root', key, { now: clock.now() }, systemRandom);
  const issuer = { certificate: root, privateKey: key.privateKey };
  const sign = (csr: string) => {
    const request = readCsr(csr);
    assert.ok(request.ok);
    const { publicKey } = request.value;
    const keyId = keyIdOf(publicKey).toString('hex');
    const one = issueIntermediate(`east ${keyId}`, publicKey, issuer, { now: clock.now() }, systemRandom);
    return Promise.resolve({ chain: [one, root].map(certificatePem), keyId });
  };
  return { root, sign, issuer };
}

describe('cluster-agent/ca: the intermediate', () => {
  const identity = { trustDomain: defaultTrustDomain, namespace: 'shop', serviceAccount: 'cart' };
  const provider = { sealingKey: () => Buffer.alloc(32, 7) };
  const path = () => join(folder, 'intermediate.json');
  const world = () => {
    const clock = new FakeClock();
    const open = () => new WorkloadIssuer({ path: path(), provider, clock, random: systemRandom });
    return { clock, open, issuer: open(), hub: hub(clock) };
  };
  const csr = () => createCsr(generateKey(), 'spiffe://cluster.local/ns/istio-system/sa/admin');
  /** Prepared by the hub and activated. */
  async function active() {
    const made = world();
    const signed: string[] = [];
    const sign = async (request: string) => {
      const answer = await made.hub.sign(request);
      signed.push(answer.keyId);
      return answer;
    };
    await made.issuer.prepare(sign);
    assert.equal(made.issuer.activate(new Set(signed)), true);
    return { ...made, sign, signed };
  }

  it('signs nothing before it is activated, and says why', async () => {
    const { issuer, hub: signer } = world();
    const refused = { code: 'NOT_ACTIVE', message: /acknowledge/ };
    assert.throws(() => issuer.issue(identity, csr(), 0), refused);
    await issuer.prepare(signer.sign);
    assert.equal(issuer.activate(new Set(['another'])), false);
    assert.throws(() => issuer.issue(identity, csr(), 0), refused);
  });

  it('then answers leaf, intermediate, root, for the caller’s identity and not the request’s', async () => {
    const { issuer, hub: signer } = await active();
    const [leaf, intermediate, root, ...more] = issuer
      .issue(identity, csr(), 0)
      .map((pem) => new X509Certificate(pem));
    assert.equal(more.length, 0);
    assert.equal(leaf!.subjectAltName, 'URI:spiffe://cluster.local/ns/shop/sa/cart');
    assert.ok(leaf!.checkIssued(intermediate!) && leaf!.verify(intermediate!.publicKey));
    assert.ok(intermediate!.checkIssued(root!) && intermediate!.verify(root!.publicKey));
    assert.deepEqual(root!.raw, signer.root.raw);
  });

  it('gives the time that is asked for, and a day at the most', async () => {
    const { issuer, clock } = await active();
    const left = (seconds: number) =>
      Date.parse(new X509Certificate(issuer.issue(identity, csr(), seconds)[0]!).validTo) - clock.now();
    assert.deepEqual([0, 3600, 10 ** 9].map(left), [day, 3_600_000, day]);
  });

  it('refuses a request that is none', async () => {
    const { issuer } = await active();
    assert.throws(() => issuer.issue(identity, 'no request', 0), { code: 'BAD_CSR' });
  });

  it('survives a restart, sealed, in a 0600 file', async () => {
    const { open, issuer } = await active();
    assert.equal(open().currentKeyId, issuer.currentKeyId);
    assert.equal(open().issue(identity, csr(), 0).length, 3);
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(path(), 'utf8'), /PRIVATE KEY/);
  });

  it('that is given up signs nothing although that cannot be written down, and is gone after a restart once it could be', async () => {
    const { open, issuer } = await active();
    const { currentKeyId = '' } = issuer;
    // A file cannot be written where there is a folder.
    mkdirSync(`${path()}.new`);
    issuer.giveUp(currentKeyId);
    assert.throws(() => issuer.issue(identity, csr(), 0), { code: 'NOT_ACTIVE' });
    assert.match(issuer.unsaved ?? '', /intermediate\.json cannot be written \(EISDIR\)/);
    issuer.save();
    assert.equal(issuer.isUnsaved, true);
    rmSync(`${path()}.new`, { recursive: true });
    issuer.save();
    assert.equal(issuer.isUnsaved, false);
    assert.equal(open().currentKeyId, undefined);
  });

  it('a waiting one survives a restart too, and is activated after it', async () => {
    const { issuer, open, hub: signer } = world();
    let keyId = '';
    await issuer.prepare(async (request) => {
      const answer = await signer.sign(request);
      keyId = answer.keyId;
      return answer;
    });
    const again = open();
    assert.equal(again.wantsNext, false);
    assert.equal(again.activate(new Set([keyId])), true);
    assert.equal(again.issue(identity, csr(), 0).length, 3);
  });

  it('is renewed at half of its life, goes on signing until the hub activates the new one, and then switches', async () => {
    const { issuer, clock, sign, signed } = await active();
    assert.equal(issuer.wantsNext, false);
    await clock.advance(15 * day);
    assert.equal(issuer.wantsNext, true);
    await issuer.prepare(sign);
    assert.equal(issuer.wantsNext, false);
    assert.equal(issuer.currentKeyId, signed[0]);
    assert.equal(issuer.issue(identity, csr(), 0).length, 3);
    assert.equal(issuer.activate(new Set(signed)), true);
    assert.equal(issuer.currentKeyId, signed[1]);
  });

  it('one that waits for half of its own life is asked for again', async () => {
    const { issuer, clock, sign } = await active();
    await clock.advance(15 * day);
    await issuer.prepare(sign);
    await clock.advance(15 * day + 1000);
    assert.equal(issuer.wantsNext, true);
  });

  it('an expired one signs nothing and says so', async () => {
    const { issuer, clock } = await active();
    await clock.advance(30 * day);
    assert.throws(() => issuer.issue(identity, csr(), 0), { code: 'NOT_ACTIVE', message: /expired on/ });
  });

  it('what the hub answers is not taken unless it fits', async () => {
    const { issuer, clock, hub: signer, open } = world();
    const other = hub(clock);
    const answers: Record<string, (request: string) => Promise<{ chain: string[]; keyId: string }>> = {
      'for another key': () => signer.sign(createCsr(generateKey())),
      'with a root that did not issue it': async (request) => {
        const { chain, keyId } = await signer.sign(request);
        return { chain: [chain[0]!, certificatePem(other.root)], keyId };
      },
      'without a root': async (request) => ({
        chain: (await signer.sign(request)).chain.slice(0, 1),
        keyId: '',
      }),
      'with a CA that may not sign': (request) => {
        const read = readCsr(request);
        assert.ok(read.ok);
        const made = {
          alternatives: [],
          ca: true,
          notBefore: clock.now() - 60_000,
          notAfter: clock.now() + day,
        };
        const unfit = handMadeCertificate(signer.issuer, made, read.value.publicKey);
        return Promise.resolve({ chain: [unfit, signer.root].map(certificatePem), keyId: '' });
      },
      'of noise': () => Promise.resolve({ chain: ['noise', 'noise'], keyId: '' }),
    };
    for (const [what, answer] of Object.entries(answers))
      await assert.rejects(issuer.prepare(answer), { code: 'BAD_INTERMEDIATE' }, what);
    await assert.rejects(
      issuer.prepare(answers['with a CA that may not sign']!),
      /no keyUsage with keyCertSign/,
    );
    assert.equal(open().wantsNext, true);
  });

  it('a damaged file stops the start with what to do', async () => {
    const { open } = await active();
    writeFileSync(path(), '{"current":');
    assert.throws(open, { code: 'CA_FILE', message: /restore it, or remove it/ });
  });
});
