import assert from 'node:assert/strict';
import fc from 'fast-check';
import { downTypes } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest } from '@isthmus/mesh/delta/messages.ts';
import type { Receiver } from '../../../federation/compile/audience.ts';
import { DownSession } from '../../../federation/link/down-session.ts';
import { isHeld } from '../../../federation/link/hold.ts';
import { Interest } from '../../../federation/link/interest.ts';
import { federationChange, someClusters, startSome, trustDomainAt } from '../../fakes/federation-changes.ts';
import type { Federation } from '../../fakes/federation.ts';

/** One agent and the hub's session with it, joined by a wire that a test delivers message by message. */
class Peer {
  readonly client = new ClientSession(downTypes);
  session!: DownSession;
  hub: Federation;
  readonly cluster: string;
  readonly #interest: Interest;
  #toServer: DeltaRequest[] = [];
  isMarked = false;

  constructor(hub: Federation, cluster: string, interest: Interest) {
    this.hub = hub;
    this.cluster = cluster;
    this.#interest = interest;
    this.connect();
  }

  connect(): void {
    (this.session as DownSession | undefined)?.stop();
    this.session = new DownSession({
      cluster: this.cluster,
      trustDomain: trustDomainAt(this.cluster),
      catalog: this.hub.catalog,
      interest: this.#interest,
      now: () => this.hub.now,
      onWork: () => (this.isMarked = true),
      onAck: () => undefined,
    });
    this.#toServer = [...this.client.open()];
  }

  /** One message in each direction; false when there was none. */
  step(): boolean {
    const request = this.#toServer.shift();
    if (request) this.session.request(request);
    const response = this.session.next();
    if (response) this.#toServer.push(this.client.response(response, () => []));
    return request !== undefined || response !== undefined;
  }

  settle(): void {
    this.isMarked = false;
    while (this.step());
  }

  get held(): ReadonlyMap<string, string> {
    return new Map(
      downTypes.flatMap((type) =>
        [...this.client.held(type)].map(([name, version]) => [`${type} ${name}`, version] as const),
      ),
    );
  }

  /** What it should hold; names that are held back may be in another version. */
  get expected(): ReadonlyMap<string, string> {
    const receiver: Receiver = { cluster: this.cluster, trustDomain: trustDomainAt(this.cluster) };
    return new Map(
      downTypes.flatMap((type) => {
        const view = this.hub.catalog.view(type, receiver);
        return [...view.keys()].map((name) => [`${type} ${name}`, view.get(name)!.version] as const);
      }),
    );
  }

  /** Names that it holds otherwise than it should, though nothing holds them back. */
  get wrong(): readonly string[] {
    const [held, expected] = [this.held, this.expected];
    return [...new Set([...held.keys(), ...expected.keys()])].filter((key) => {
      if (held.get(key) === expected.get(key)) return false;
      const type = downTypes.find((one) => key.startsWith(`${one} `))!;
      const isBack = isHeld(this.hub.now, this.cluster, type, key.slice(type.length + 1));
      return !(isBack && held.has(key));
    });
  }
}

async function start() {
  const hub = await startSome();
  await hub.turn();
  hub.catalog.start(hub.now);
  const interest = new Interest();
  const peers = someClusters.map((name) => new Peer(hub, name, interest));
  hub.live.onChange((changes, now) => interest.mark(hub.catalog.apply(changes, now), changes));
  return { hub, interest, peers };
}

type Step =
  | { readonly turn: readonly { make: (hub: Federation) => Promise<void> | void }[] }
  | { readonly peer: number; readonly do: 'step' | 'settle' | 'connect' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ turn: fc.array(federationChange, { minLength: 1, maxLength: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      peer: fc.nat(someClusters.length - 1),
      do: fc.constantFrom('step' as const, 'step' as const, 'settle' as const, 'connect' as const),
    }),
  },
);

describe('federation/link: sessions that a change concerns', () => {
  it('are marked, and hold in the end what they should, whatever changes and whenever they are visited', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { hub, peers } = await start();
        for (const peer of peers) peer.settle();
        for (const one of steps)
          if ('turn' in one) {
            for (const { make } of one.turn) await make(hub);
            await hub.turn();
          } else if (one.do === 'step') peers[one.peer]!.step();
          else if (one.do === 'connect') peers[one.peer]!.connect();
          else peers[one.peer]!.settle();
        // Only those that are marked, or have messages under way, have something to say.
        for (const peer of peers) peer.settle();
        for (const peer of peers) assert.deepEqual(peer.wrong, [], peer.cluster);
        hub.end();
      }),
      { numRuns: 200 },
    ));

  it('are marked when a name that was held back from them is released, though nothing was compiled', () =>
    fc.assert(
      fc.asyncProperty(fc.array(federationChange, { minLength: 1, maxLength: 12 }), async (changes) => {
        const { hub, peers } = await start();
        for (const name of someClusters) hub.report(name, { services: { cart: 2 } });
        await hub.turn();
        for (const peer of peers) peer.settle();
        for (const { make } of changes) {
          await make(hub);
          await hub.turn();
          for (const peer of peers) {
            if (peer.isMarked) peer.settle();
            assert.deepEqual(peer.wrong, [], peer.cluster);
          }
        }
        hub.end();
      }),
      { numRuns: 150 },
    ));

  it('keep nothing by name when they are up to date, and nothing at all when they are over', async () => {
    const { hub, interest, peers } = await start();
    for (const name of someClusters) hub.report(name, { services: { cart: 2, [`of-${name}`]: 1 } });
    await hub.turn();
    for (const peer of peers) {
      peer.settle();
      assert.equal(peer.session.size, 0);
    }
    // Reports of an unknown cluster that differ are held back.
    hub.link('east', 'here');
    hub.report('east', { services: { cart: 1 }, record: { synced: false, listed: false } });
    await hub.turn();
    for (const peer of peers) peer.settle();
    assert.ok(interest.held.size > 0);
    for (const peer of peers) peer.session.stop();
    assert.equal(interest.size, 0);
    hub.end();
  });

  const concerned = async (change: (hub: Federation) => Promise<void> | void) => {
    const { hub, peers } = await start();
    for (const name of someClusters) hub.report(name, { services: { cart: 2 } });
    await hub.turn();
    for (const peer of peers) peer.settle();
    await change(hub);
    await hub.turn();
    hub.end();
    return peers.filter(({ isMarked }) => isMarked).map(({ cluster }) => cluster);
  };

  const policyOf = (...clusters: readonly string[]) => ({
    kind: 'accessPolicy' as const,
    name: 'p1',
    effect: 'ALLOW' as const,
    target: { clusters, namespace: 'shop', labels: {} },
    rules: [],
  });

  const cases: Readonly<
    Record<string, [change: (hub: Federation) => Promise<void> | void, marked: readonly string[]]>
  > = {
    'a policy of one cluster concerns that one': [(hub) => hub.put(policyOf('west')), ['west']],
    'a policy of all concerns all': [(hub) => hub.put(policyOf()), someClusters],
    'endpoint counts of a service concern all but its cluster': [
      (hub) => hub.report('west', { services: { cart: 1 } }),
      someClusters.filter((name) => name !== 'west'),
    ],
    'an acknowledgement concerns nobody': [
      (hub) =>
        hub.acknowledge('west', {
          subject: 'policy/p1',
          version: '1',
          state: 'APPLIED',
          message: '',
          proxies: 1,
        }),
      [],
    ],
    'a heartbeat concerns nobody': [(hub) => hub.heartbeat('west'), []],
    'the link of a cluster that ends concerns nobody who has nothing held back': [
      (hub) => hub.link('west', 'away'),
      [],
    ],
  };
  for (const [what, [change, marked]] of Object.entries(cases))
    it(what, async () => assert.deepEqual([...(await concerned(change))].sort(), [...marked].sort()));
});
