import assert from 'node:assert/strict';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { DeltaWorld, policyType } from './delta-world.ts';

describe('what a consumer of a delta stream refuses', () => {
  it('is said to be gone when it is, as something may stand in for it', () => {
    const world = new DeltaWorld();
    world.bad.add('1');
    world.set(policyType, 'p', '1');
    world.settle();
    world.sent = [];
    world.set(policyType, 'p', undefined);
    world.settle();
    assert.deepEqual(
      world.sent.map(({ removed }) => removed),
      [['p']],
    );
  });

  it('is named when it reconnects, without a version', () => {
    const world = new DeltaWorld();
    world.bad.add('1');
    for (const name of ['kept', 'gone']) world.set(policyType, name, '1');
    world.settle();
    world.state.get(policyType)!.delete('gone');
    world.sent = [];
    world.connect();
    for (const request of world.toServer)
      assert.equal(request.initialVersions.size, request.type === policyType ? 2 : 0);
    world.deliverToServer();
    world.deliverToServer();
    assert.equal(world.server.acknowledged(policyType, 'kept'), undefined);
    world.settle();
    const policies = world.sent.filter(({ type }) => type === policyType);
    assert.deepEqual(
      [
        policies.flatMap(({ resources }) => resources.map(({ name }) => name)),
        policies.flatMap((one) => one.removed),
      ],
      [['kept'], ['gone']],
    );
    assert.deepEqual([...world.client.held(policyType)], []);
  });

  for (const isCovered of [true, false])
    it(
      isCovered
        ? 'lets the consumer be ready where something stands in for it'
        : 'keeps the consumer from being ready else',
      () => {
        const client = new ClientSession([policyType]);
        const response = {
          type: policyType,
          nonce: '1',
          systemVersion: { epoch: 1n, revision: 1n },
          removed: [],
          complete: true,
          resources: [{ name: 'p', version: '1', body: new Uint8Array() }],
        };
        client.response(response, () => [{ name: 'p', reason: 'is bad', isCovered }]);
        assert.equal(client.allReady, isCovered);
      },
    );
});
