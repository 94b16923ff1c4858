import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { issueRoot } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { takeoverMillis, toleratedTakeovers } from '../../../federation/link/duplicates.ts';
import { findings } from '../../../federation/insights/findings.ts';
import { LinkHandlers } from '../../../federation/link/link-handlers.ts';
import { hubPorts } from '../../../federation/link/hub-ports.ts';
import { Acknowledgements } from '../../../federation/observation/acknowledgements.ts';
import { Federation } from '../../fakes/federation.ts';
import { handMade, uri } from '../../fakes/hand-made.ts';

/** A call of grpc-js, as far as the handlers look at it. */
class FakeCall extends EventEmitter {
  readonly #raw: Buffer;
  readonly #peer: string;
  readonly metadata = new Metadata();
  refused = '';

  constructor(raw: Buffer, peer: string) {
    super();
    this.#raw = raw;
    this.#peer = peer;
    this.on('error', ({ details }: { details: string }) => (this.refused = details));
  }

  /** Other bytes for each call, as a socket gives. */
  getAuthContext() {
    return { sslPeerCertificate: { raw: Buffer.from(this.#raw) } };
  }

  getPeer(): string {
    return this.#peer;
  }

  write(): boolean {
    return true;
  }
}

describe('federation/link: the calls of a connection', () => {
  const key = generateKey();
  const verify = Reflect.get<X509Certificate, 'verify'>(X509Certificate.prototype, 'verify');
  let verified = 0;
  let hub: Federation;
  let open: (cluster: string, peer: string) => FakeCall;

  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    const { live, store, observations, catalog, runner, clock, random } = hub;
    const now = clock.now();
    const root = issueRoot('link test', key, { now }, systemRandom);
    const leaf = (cluster: string) =>
      handMade(
        { certificate: root, privateKey: key.privateKey },
        {
          alternatives: [[uri(`spiffe://link.test/cluster/${cluster}`)]],
          commonName: `m-${cluster}`,
          notBefore: now - 60_000,
          notAfter: now + 3_600_000,
        },
      );
    const unused = {} as never;
    const deps = { live, store, observations, catalog, runner, clock, random };
    const ports = hubPorts({
      ...deps,
      log: silentLog,
      ca: { certificate: root } as never,
      provider: unused,
      limits: defaultLimits,
    });
    const linkHandlers = new LinkHandlers(ports, { reports: new Map(), shared: new Acknowledgements() });
    const handlers = linkHandlers.handlers() as unknown as Readonly<Record<string, (call: FakeCall) => void>>;
    const leaves = new Map(['east', 'west'].map((cluster) => [cluster, leaf(cluster)]));
    open = (cluster, peer) => {
      const call = new FakeCall(leaves.get(cluster)!, peer);
      handlers['answer']!(call);
      return call;
    };
    verified = 0;
    X509Certificate.prototype.verify = function (this: X509Certificate, publicKey) {
      verified++;
      return verify.call(this, publicKey);
    };
  });
  afterEach(() => {
    X509Certificate.prototype.verify = verify;
    hub.end();
  });

  it('have the certificate that was read once', () => {
    for (let i = 0; i < 3; i++) assert.equal(open('east', '127.0.0.1:1').refused, '');
    assert.equal(verified, 1);
    open('east', '127.0.0.1:2');
    assert.equal(verified, 2);
  });

  it('are of the cluster that shows its certificate now, also on the port of one that is gone', () => {
    open('east', '127.0.0.1:1').emit('cancelled');
    assert.equal(open('west', '127.0.0.1:1').refused, '');
    assert.equal(verified, 2);
  });

  it('of two agents that claim to be one replica are a finding until only one of them connects', async () => {
    hub.report('east', {});
    const found = () =>
      [...findings(hub.now, hub.clock.now())].filter(({ reason }) => reason === 'AGENT_DUPLICATE');
    const takeOver = (times: number) => {
      for (let i = 0; i < times; i++) open('east', `127.0.0.1:${++port}`);
    };
    let port = 0;
    takeOver(1 + toleratedTakeovers);
    assert.deepEqual(found(), []);
    takeOver(1);
    const [one, ...more] = found();
    assert.deepEqual([one?.severity, one?.object, more], ['ERROR', 'Cluster east', []]);
    assert.match(one?.message ?? '', /as replica main of the cluster/);
    // A link that says nothing for 20 s is ended.
    for (let i = 0; i < 5; i++) {
      await hub.clock.advance(15_000);
      takeOver(1);
    }
    await hub.clock.advance(takeoverMillis - 1);
    assert.equal(found().length, 1);
    await hub.clock.advance(1);
    assert.deepEqual(found(), []);
  });

  it('are refused once the cluster is no member, though its certificate was read before', async () => {
    open('east', '127.0.0.1:1');
    await hub.remove('cluster', 'east');
    assert.match(open('east', '127.0.0.1:1').refused, /no cluster 'east' is a member/);
    assert.equal(verified, 1);
  });
});
