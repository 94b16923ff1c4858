import assert from 'node:assert/strict';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { operationProgress } from '../../../federation/graphql/subscriptions/operation-progress.ts';
import { globalId } from '../../../federation/graphql/global-id.ts';
import { aMember, Federation } from '../../fakes/federation.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const operation: Operation = {
  kind: 'operation',
  id: 'o1',
  type: 'DRAIN_CLUSTER',
  state: 'RUNNING',
  subject: 'drain:east',
  clusters: ['east', 'west'],
  applied: [],
  startedAt: 1,
  finishedAt: undefined,
  message: '',
};

describe('the subscription operationProgress', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    await hub.put(aMember('east', { drainPercent: 100 }), operation);
    for (const name of ['east', 'west']) hub.report(name, { services: { cart: 2 } });
    await turn();
  });
  afterEach(() => hub.end());

  /** A subscriber that reads at once; gives what it has got since it was asked last. */
  const subscriber = (id: string) => {
    const got: string[] = [];
    let isOver = false;
    void (async () => {
      for await (const { state, message } of operationProgress(hub.live, id)) got.push(`${state} ${message}`);
      isOver = true;
    })();
    return async () => {
      await turn();
      await turn();
      return isOver ? [...got.splice(0), 'over'] : got.splice(0);
    };
  };

  it('gives the operation as it is, and again when it is stored otherwise or waits for something else', async () => {
    const got = subscriber('o1');
    assert.deepEqual(await got(), ['RUNNING waiting for east, west']);
    hub.link('west', 'away');
    assert.deepEqual(await got(), ['RUNNING waiting for east, west (its agent is not connected)']);
    await hub.put({ ...operation, applied: [{ cluster: 'east', at: 2 }] });
    assert.deepEqual(await got(), ['RUNNING waiting for west (its agent is not connected)']);
  });

  it('gives nothing for changes that do not show', async () => {
    const got = subscriber(globalId('Operation', 'o1'));
    await got();
    hub.report('west', { services: { cart: 1 } });
    hub.acknowledge('west', { subject: 'policy/p', version: '1', state: 'APPLIED', message: '', proxies: 1 });
    await hub.put(aMember('west', { namespaces: ['shop'] }));
    assert.deepEqual(await got(), []);
  });

  it('ends with the state in which the operation ends', async () => {
    const got = subscriber('o1');
    await got();
    await hub.put({ ...operation, state: 'FAILED', finishedAt: 3, message: 'why' });
    assert.deepEqual(await got(), ['FAILED why', 'over']);
  });
});
