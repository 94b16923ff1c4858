import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { bindWithin, PortTrials } from '@isthmus/cluster-agent/source/files/port-trials.ts';
import { FakeClock } from '../fakes/clock.ts';

describe('ports that proxies shall capture', () => {
  /** Trials whose binds end as `answers` says when they are asked. */
  function trials(answers: Record<number, string | undefined>) {
    const clock = new FakeClock();
    const asked: number[] = [];
    let news = 0;
    const tried = new PortTrials({
      clock,
      onNews() {
        news++;
      },
      tryBind(port) {
        asked.push(port);
        return Promise.resolve(answers[port]);
      },
    });
    const look = async (...ports: readonly number[]) => {
      tried.look(new Set(ports));
      await new Promise((resolve) => setImmediate(resolve));
      return Object.fromEntries(tried.refused);
    };
    return { clock, asked, look, news: () => news, nextDue: () => tried.nextDue() };
  }

  it('are tried once if they can be bound, and a failure is reported with its code', async () => {
    const { asked, look, news } = trials({ 80: 'EACCES', 8080: 'EADDRINUSE' });
    const refused = { 80: 'EACCES', 8080: 'EADDRINUSE' };
    assert.deepEqual(await look(80, 8080, 9090), refused);
    assert.deepEqual(await look(80, 8080, 9090), refused);
    assert.deepEqual([asked, news()], [[80, 8080, 9090], 2]);
  });

  it('are tried again after ten seconds when they were refused', async () => {
    const answers: Record<number, string | undefined> = { 80: 'EACCES' };
    const { clock, asked, look, news, nextDue } = trials(answers);
    await look(80, 9090);
    answers[80] = undefined;
    assert.deepEqual(nextDue(), { monotonic: 10_000 });
    await clock.advance(9000);
    assert.deepEqual(await look(80, 9090), { 80: 'EACCES' });
    await clock.advance(1000);
    assert.deepEqual(await look(80, 9090), {});
    assert.equal(nextDue(), undefined);
    assert.deepEqual([asked, news()], [[80, 9090, 80], 2]);
  });

  it('are forgotten with the services that had them', async () => {
    const { look } = trials({ 80: 'EACCES' });
    await look(80);
    assert.deepEqual(await look(9090), {});
  });

  it('are not blamed for what is not a fault of theirs', async () =>
    assert.deepEqual(await trials({ 80: 'EADDRNOTAVAIL', 81: 'EMFILE' }).look(80, 81), {}));

  it('are bound for real, within the cluster’s block: one that is held on every address cannot be', async () => {
    const holder = createServer().listen(0, '0.0.0.0');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const tryBind = bindWithin('127.251.16.0/20');
    assert.equal(await tryBind(port), 'EADDRINUSE');
    holder.close();
    await once(holder, 'close');
    assert.equal(await tryBind(port), undefined);
    assert.equal(await tryBind(port), undefined, 'it lets go');
  });
});
