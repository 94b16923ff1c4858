import assert from 'node:assert/strict';
import { ChangingPods } from '../../bench/size/agent/changing-pods.ts';
import { PatchedPods } from '../../bench/size/kube/patched-pods.ts';

describe('pods whose changes are timed', () => {
  it('give a time for each change and client', async () => {
    const changing = new ChangingPods();
    const pod = changing.add('one', {});
    const { times, changes } = await changing.during([pod], 2, () => {
      changing.change(pod);
      changing.arrived('one', 0, false, pod.at + 5);
      changing.arrived('one', 1, false, pod.at + 7);
      return Promise.resolve();
    });
    assert.deepEqual({ times, changes }, { times: [5, 7], changes: 1 });
  });

  it('do not count what came before the change, or twice', async () => {
    const changing = new ChangingPods();
    const pod = changing.add('one', {});
    const { times } = await changing.during([pod], 1, () => {
      changing.change(pod);
      changing.arrived('one', 0, true, pod.at + 1);
      changing.arrived('one', 0, false, pod.at + 5);
      changing.arrived('one', 0, false, pod.at + 9);
      return Promise.resolve();
    });
    assert.deepEqual(times, [5]);
  });

  it('fail the row when a change does not reach a client', async () => {
    const changing = new ChangingPods(0);
    const pod = changing.add('one', {});
    const change = () => {
      changing.change(pod);
      return Promise.resolve();
    };
    await assert.rejects(changing.during([pod], 2, change), /a change of one has not reached 2 clients/);
  });

  it('fail the row when there is no change', async () => {
    await assert.rejects(
      new ChangingPods().during([], 1, () => Promise.resolve()),
      /no pod has changed/,
    );
  });

  it('fail the row when the API server refuses a patch', async () => {
    const patch = () => Promise.reject(new Error('403: no patch of pods/status'));
    await assert.rejects(new PatchedPods(new ChangingPods(), { patch }, 1).flip(1, 1, 0), /403/);
  });
});
