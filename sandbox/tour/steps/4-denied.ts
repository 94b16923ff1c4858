import { mutate } from '../../instance/api.ts';
import { accessLines } from '../../observe/access-log.ts';
import { until } from '../../processes/wait.ts';
import type { Report, Step, Tour } from '../context.ts';

const applyMutation = `mutation($input: ApplyPolicyInput!) {
  result: applyPolicy(input: $input) { revision userErrors { code field message } } }`;
const deleteMutation = `mutation($input: DeletePolicyInput!) {
  result: deletePolicy(input: $input) { revision userErrors { code field message } } }`;

const policy = {
  name: 'tour-no-frontend',
  effect: 'DENY',
  target: { namespace: 'shop', labels: [{ key: 'app', value: 'cart' }] },
  rules: [{ principals: ['cluster.local/ns/shop/sa/frontend'] }],
};

/** One caller is denied by the hub's word, with the rule named where it was denied, and allowed again. */
export const denied: Step = {
  title: 'a policy denies one caller, and the denial names its rule',
  async run(tour: Tour, report: Report) {
    const { sandbox } = tour;
    const status = async () => (await fetch(`${sandbox.doorUrl}cart`)).status;
    report.expect('the cart answers before', `status ${await status()}`, (await status()) === 200);
    await mutate(sandbox.endpoint, applyMutation, { policy: { access: policy }, reason: 'tour' });
    const refused = await settles(tour, async () => (await allRefused(status)) || undefined);
    report.expect('the frontend is denied at every cart', refused ? 'denied' : 'still answered', refused);
    const named = await settles(tour, () => denialLine(tour));
    report.expect(
      'the denial names policy and rule',
      named ? (denialLine(tour) ?? '') : 'no such line',
      named,
    );
    await mutate(sandbox.endpoint, deleteMutation, { name: policy.name, reason: 'tour' });
    const back = await settles(tour, async () => ((await status()) === 200 ? true : undefined));
    report.expect(
      'the cart answers again after the policy is deleted',
      back ? 'status 200' : 'still denied',
      back,
    );
  },
};

async function settles(tour: Tour, look: () => unknown): Promise<boolean> {
  try {
    await until(tour.clock, 'the policy', async () => (await look()) ?? undefined, {
      within: 10_000 * tour.timeScale,
      every: 100,
    });
    return true;
  } catch {
    return false;
  }
}

/** Several calls, as they spread over clusters. */
async function allRefused(status: () => Promise<number>): Promise<boolean> {
  const statuses = await Promise.all(Array.from({ length: 6 }, status));
  return statuses.every((one) => one !== 200);
}

function denialLine({ sandbox }: Tour): string | undefined {
  const logs = ['west-cart-sidecar', 'south-ztunnel-south-a'].map(
    (name) => sandbox.launcher.get(name)?.log() ?? '',
  );
  return logs
    .flatMap(accessLines)
    .map((line) => line['error'] ?? '')
    .find((error) => error.includes(`isthmus~${policy.name}`));
}
