import { coveredByHub } from '@isthmus/cluster-agent/coverage/covered-policy.ts';
import { PolicyCoverage } from '@isthmus/cluster-agent/coverage/policy-coverage.ts';
import { podUid, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { viewOf } from '../fakes/cluster.ts';
import { anAuthorization } from '../fakes/records.ts';
import { assertScales, type Work } from './doubled.ts';

const pod = (i: number) => `apiVersion: v1
kind: Pod
metadata: { name: p${i}, namespace: shop, uid: u${i} }
spec: { nodeName: n1, containers: [{ name: c }] }
status: { podIP: 127.7.1.1, conditions: [{ type: Ready, status: 'True' }] }`;

const policy = {
  name: 'all',
  revision: 1,
  target: { namespace: 'shop', labels: {} },
  authorization: anAuthorization({ name: 'all' }),
};
const healthy = {
  problem: undefined,
  stale: undefined,
  provenBy: 'ztunnel/istio-system/z1' as ClientId,
  until: Infinity,
};

describe('the size of coverage', () => {
  it('asks of a policy over twice the pods twice as much, and as much when a proxy acknowledges one of them', () => {
    assertScales((size): Work => {
      const view = viewOf(Array.from({ length: size }, (_, i) => pod(i)).join('\n---\n'));
      let asked = 0;
      const coverage = new PolicyCoverage({
        cluster: 'east',
        view,
        judged: () => ({ part: 'AMBIENT', verdict: healthy }),
        isNamed: () => true,
        streams: {
          acknowledged: () => 'YES',
          isConnected: () => true,
          acknowledgedNow: () => {
            asked++;
            return true;
          },
        },
      });
      coverage.setPolicy('all', coveredByHub(policy), 'v1');
      const firstSync = asked;
      const [one] = view.pods();
      if (one) coverage.workloadTouched(podUid('east', one));
      coverage.takeReport('all');
      return { firstSync, change: asked - firstSync };
    }, 500);
  });
});
