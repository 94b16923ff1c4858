import assert from 'node:assert/strict';
import { helmLine } from '../../../cli/helm-line.ts';
import { run } from '../../fakes/command-line.ts';
import { startTestHub, type TestHub } from '../../fakes/hub.ts';

describe('isthmus token', () => {
  let hub: TestHub;
  let env: Record<string, string> = {};
  before(async () => {
    hub = await startTestHub();
    env = { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token };
  });
  after(() => hub.stop());
  const token = (...args: string[]) => run(['token', 'north', ...args], { env });

  it('prints the token alone, and beside it until when it is good and the helm command that uses it', async () => {
    const { status, out, err } = await token();
    assert.equal(status, 0);
    assert.match(out, /^isthmus-join\.v1\.\S+\n$/);
    assert.match(err, /north to join once, until \d{4}-/);
    assert.ok(err.split('\n').includes(helmLine({ cluster: 'north', token: out.trim() })), err);
    assert.match(err, /shells keep it in their history/);
  });

  it('prints the helm command alone with --helm, and nothing secret beside it', async () => {
    const { status, out, err } = await token('--helm');
    assert.equal(status, 0);
    assert.match(
      out,
      /^helm install isthmus charts\/isthmus-cluster .* --set joinToken=isthmus-join\.v1\.\S+\n$/,
    );
    assert.match(err, /north to join once, until \d{4}-/);
    assert.ok(!err.includes('isthmus-join.v1'));
    const both = await token('--helm', '--output', 'json');
    assert.deepEqual({ status: both.status, out: both.out }, { status: 2, out: '' });
  });

  it('prints no command that would not work after a dry run', async () => {
    for (const flags of [[], ['--helm']]) {
      const { status, out, err } = await token('--dry-run', ...flags);
      assert.equal(status, 0);
      assert.ok(!`${out}${err}`.includes('helm install'), out + err);
    }
  });

  it('shows in its help how the token is given by a Secret', async () => {
    const { status, out } = await run(['token', 'create', '--help']);
    assert.equal(status, 0);
    assert.match(out, /create secret generic .*\n.*--set joinTokenSecret=/);
  });

  it('asks for the namespaces and the network that the cluster is admitted for', async () => {
    const { status } = await token('--namespaces', 'shop, pay', '--network', 'net-north');
    assert.equal(status, 0);
    const query = '{ cluster(name: "south") { namespaces admittedNetwork } }';
    assert.equal(
      (await run(['token', 'south', '--namespaces', 'shop,pay', '--network', 'net-south'], { env })).status,
      0,
    );
    assert.deepEqual((await hub.ask<{ cluster: object }>(query)).data!.cluster, {
      namespaces: ['shop', 'pay'],
      admittedNetwork: 'net-south',
    });
    const { status: refused, err } = await token('--namespaces', 'Shop');
    assert.equal(refused, 2);
    assert.match(err, /namespaces/);
  });

  it('does not print prose where a token was wanted: a repeated key ends with 5', async () => {
    assert.equal((await token('--idempotency-key', 'k')).status, 0);
    const again = await token('--idempotency-key', 'k');
    assert.deepEqual({ status: again.status, out: again.out }, { status: 5, out: '' });
    assert.match(again.err, /use a new key/);
  });
});
