import assert from 'node:assert/strict';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { downTypes, syncMessage, type DownType } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest } from '@isthmus/mesh/delta/messages.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Receiver } from '../../federation/compile/audience.ts';
import { Catalog } from '../../federation/compile/catalog.ts';
import type { CompiledView } from '../../federation/compile/compiled.ts';
import { DownSession } from '../../federation/link/down-session.ts';
import { Interest } from '../../federation/link/interest.ts';
import { Federation } from '../fakes/federation.ts';

/** Counts each name that a session looks at. */
class CountedCatalog extends Catalog {
  looks = 0;

  override view(type: DownType, receiver: Receiver): CompiledView {
    const view = super.view(type, receiver);
    const look = () => {
      this.looks++;
    };
    return {
      get(name) {
        look();
        return view.get(name);
      },
      *keys() {
        for (const name of view.keys()) {
          look();
          yield name;
        }
      },
    };
  }
}

const services = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, 2]));
/** The agent that comes back. */
const returning = 'c7';

async function world(clusters: number) {
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  const hub = await Federation.start(...names);
  for (const name of names) hub.report(name, { services });
  await hub.turn();
  const catalog = new CountedCatalog();
  catalog.start(hub.now);
  const agent = new ClientSession(downTypes);
  /** A new stream of the agent: names that were looked at, resources that were sent, bytes of what opened it. */
  const connect = (requests: readonly DeltaRequest[]) => {
    catalog.looks = 0;
    const session = new DownSession({
      cluster: returning,
      trustDomain: defaultTrustDomain,
      catalog,
      interest: new Interest(),
      now: () => hub.now,
      onWork: () => undefined,
      onAck: () => undefined,
    });
    for (const request of requests) session.request(request);
    let resources = 0;
    for (let response = session.next(); response; response = session.next()) {
      resources += response.resources.length;
      session.request(agent.response(response, () => []));
    }
    assert.ok(session.isWhole);
    const bytes = requests.reduce(
      (sum, request) => sum + syncMessage.encode({ kind: 'request', request }).length,
      0,
    );
    return { looks: catalog.looks, resources, bytes };
  };
  const first = connect(agent.open());
  assert.ok(first.resources > (clusters - 1) * 19 && first.looks > first.resources);
  return { hub, catalog, agent, connect };
}

describe('the size of an agent’s return', () => {
  for (const clusters of [20, 40])
    it(`to a hub of ${clusters} clusters: no name is looked at and nothing is sent when nothing has changed`, async () => {
      const { hub, agent, connect } = await world(clusters);
      const { looks, resources, bytes } = connect(agent.openByDigests(digestGroup));
      assert.deepEqual([looks, resources], [0, 0]);
      assert.ok(bytes < connect(agent.open()).bytes / 10, `${bytes} bytes open the stream`);
      hub.end();
    });

  it('costs as many looks at names beside 40 clusters as beside 20 when a service of one has changed meanwhile', async () => {
    const looksBeside = async (clusters: number) => {
      const { hub, catalog, agent, connect } = await world(clusters);
      hub.live.onChange((changes, now) => catalog.apply(changes, now));
      hub.report('c9', { services: { ...services, s5: 1 } });
      await hub.turn();
      const { looks, resources } = connect(agent.openByDigests(digestGroup));
      hub.end();
      assert.equal(resources, 1);
      return looks;
    };
    const [beside20, beside40] = [await looksBeside(20), await looksBeside(40)];
    assert.equal(beside40, beside20);
  });

  it('costs the list of the one cluster of which a service has changed meanwhile', async () => {
    const { hub, catalog, agent, connect } = await world(20);
    hub.live.onChange((changes, now) => catalog.apply(changes, now));
    hub.report('c9', { services: { ...services, s5: 1 } });
    await hub.turn();
    const { resources } = connect(agent.openByDigests(digestGroup));
    assert.equal(resources, 1);
    assert.equal(connect(agent.openByDigests(digestGroup)).looks, 0);
    hub.end();
  });
});
