import { mutate } from '../../instance/api.ts';
import { accessLines } from '../../observe/access-log.ts';
import { once } from '../../observe/load.ts';
import { until } from '../../processes/wait.ts';
import { aim } from '../addresses.ts';
import type { Report, Step, Tour } from '../context.ts';

const applyMutation = `mutation($input: ApplyPolicyInput!) {
  result: applyPolicy(input: $input) { revision userErrors { code field message } } }`;
const deleteMutation = `mutation($input: DeletePolicyInput!) {
  result: deletePolicy(input: $input) { revision userErrors { code field message } } }`;

/** The second of two rules is the one that meets the front end, so that a log that names a rule must have looked. */
const policy = {
  name: 'tour-no-frontend',
  effect: 'DENY',
  target: { namespace: 'shop', labels: [{ key: 'app', value: 'cart' }] },
  rules: [
    { principals: ['cluster.local/ns/shop/sa/nobody'] },
    { principals: ['cluster.local/ns/shop/sa/frontend'] },
  ],
};

/** Where each cart's denials are logged. */
const carts: Readonly<Record<string, string>> = { west: 'west-cart-sidecar', south: 'south-ztunnel-south-a' };

/** One caller is denied by the hub's word, with the rule named where it was denied, and allowed again. */
export const denied: Step = {
  title: 'a policy denies one caller, and the denial names its rule',
  async run(tour: Tour, report: Report) {
    const { sandbox, traffic } = tour;
    await traffic.pause();
    const before = await answers(tour, 'east', 'frontend');
    report.expect('the front end is answered before', before.join(', '), before.every(isAnswer));
    await mutate(sandbox.endpoint, applyMutation, { policy: { access: policy }, reason: 'tour' });
    try {
      await whileDenied(tour, report);
    } finally {
      await mutate(sandbox.endpoint, deleteMutation, { name: policy.name, reason: 'tour' });
      traffic.resume();
    }
    const back = await settles(tour, async () => (await answers(tour, 'east', 'frontend')).every(isAnswer));
    report.expect('the front end is answered again after', back ? 'answered' : 'still denied', back);
  },
};

async function whileDenied(tour: Tour, report: Report): Promise<void> {
  let last: readonly string[] = [];
  const refused = await settles(tour, async () => {
    last = await answers(tour, 'east', 'frontend');
    return !last.some(isAnswer);
  });
  report.expect('the front end is denied', `${last.length} calls: ${[...new Set(last)].join(', ')}`, refused);
  for (const [cluster, proxy] of Object.entries(carts)) {
    let line: string | undefined;
    await settles(tour, async () => {
      await answers(tour, 'east', 'frontend');
      line = denialAt(tour, proxy);
      return line !== undefined;
    });
    report.expect(
      `the log of the cart in ${cluster} names the caller, the policy and its rule`,
      line ?? 'no such line',
      line !== undefined,
    );
  }
  const others = [
    ...(await answers(tour, 'south', 'orders-ambient')),
    ...(await answers(tour, 'west', 'catalogue-1')),
  ];
  report.expect('other callers are answered meanwhile', others.join(', '), others.every(isAnswer));
}

const isAnswer = (text: string): boolean => text.startsWith('status 200');

/** Several calls of a pod to the cart, as they spread over clusters: by whom each was answered, or how it failed. */
const answers = ({ sandbox }: Tour, cluster: string, pod: string): Promise<readonly string[]> =>
  Promise.all(
    Array.from({ length: 6 }, () =>
      once(aim(sandbox, { cluster, pod }, 'cart')).then(
        (by) => `status 200 by ${by}`,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    ),
  );

async function settles({ clock, timeScale }: Tour, look: () => Promise<boolean>): Promise<boolean> {
  const options = { within: 10_000 * timeScale, every: 100 };
  return until(clock, 'the policy', async () => ((await look()) ? true : undefined), options).catch(
    () => false,
  );
}

function denialAt({ sandbox }: Tour, proxy: string): string | undefined {
  const said = `policy shop/isthmus~${policy.name} rule 1 denies cluster.local/ns/shop/sa/frontend`;
  return accessLines(sandbox.launcher.get(proxy)?.log() ?? '')
    .filter((line) => line['src.identity'] === 'spiffe://cluster.local/ns/shop/sa/frontend')
    .map((line) => line['error'] ?? '')
    .find((error) => error.includes(said));
}
