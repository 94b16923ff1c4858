import assert from 'node:assert/strict';
import { clientId } from '@isthmus/cluster-agent/keys/names.ts';
import fc from 'fast-check';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import { ClientView } from '@isthmus/cluster-agent/xds/client-view.ts';
import { EncodeCache } from '@isthmus/cluster-agent/xds/encode.ts';
import { ProxyStream, type DiscoveryCall } from '@isthmus/cluster-agent/xds/stream.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { emptySnapshot } from '../../fakes/xds-world.ts';

const moment = { epoch: 1n, revision: 1n };
const type = typeUrls.address;

/** What a proxy has taken of addresses, with the stream that it has now. */
class Proxy {
  readonly #cache: EncodeCache;
  readonly #name: string;
  #client = new ClientSession(proxyTypes);
  #sent: DeltaResponse[] = [];
  stream: ProxyStream;

  constructor(name: string, cache: EncodeCache) {
    this.#name = name;
    this.#cache = cache;
    this.stream = this.#open();
  }

  /** With what it holds, on a stream that has no state yet. */
  reconnect(): void {
    this.#client = new ClientSession(proxyTypes, new Map([[type, this.#client.held(type)]]));
    this.stream = this.#open();
  }

  ask(): void {
    for (const request of this.#client.open()) this.stream.hear({ node: undefined, request });
  }

  /** Answers the oldest response, or refuses all that is in it. */
  answer(isTaken: boolean): boolean {
    const response = this.#sent.shift();
    if (!response) return false;
    const rejected = isTaken ? [] : response.resources.map(({ name }) => ({ name, reason: 'no' }));
    const request = this.#client.response(response, () => rejected);
    this.stream.hear({ node: undefined, request });
    return true;
  }

  get held(): ReadonlyMap<string, string> {
    return this.#client.held(type);
  }

  #open(): ProxyStream {
    const sent: DeltaResponse[] = (this.#sent = []);
    const call: Partial<DiscoveryCall> = { write: (response: DeltaResponse) => sent.push(response) > 0 };
    const client = {
      id: clientId('ztunnel', { namespace: 'istio-system', name: this.#name }),
      kind: 'ztunnel' as const,
      namespace: 'istio-system',
      pod: this.#name,
      key: `istio-system/${this.#name}`,
      nodeName: 'n',
      version: '1',
      upstreamVersion: '',
    };
    const addresses = [{ network: 'n', address: `127.0.0.${this.#name}`, prefix: undefined }];
    const vips = (_client: string, service: string) => (service.includes('headless') ? [] : addresses);
    return new ProxyStream(call as DiscoveryCall, new ClientView(client, this.#cache, vips), {
      openedAt: 0,
      caller: { namespace: 'istio-system' },
      log: silentLog,
      lines: new LimitedLines(new FakeClock(), silentLog),
      onAck: () => undefined,
    });
  }
}

/** One audience's projection, as the server changes it, and proxies that follow it. */
class Mesh {
  readonly workloads = new Map<string, Workload>();
  readonly services = new Map<string, Service>();
  readonly #snapshot = { ...emptySnapshot, workloads: this.workloads, services: this.services };
  readonly #cache = new EncodeCache((_type, failure) => assert.fail(failure));
  readonly records = new AudienceRecords('mesh', this.#snapshot);
  readonly proxies: readonly Proxy[];

  constructor(proxies: number) {
    this.proxies = Array.from({ length: proxies }, (_, i) => new Proxy(String(i + 1), this.#cache));
  }

  publish(names: readonly string[]): void {
    const delta = this.records.take(
      { changed: new Map([[type, new Set(names)]]), bulk: new Set() },
      this.#snapshot,
    );
    const replaced = Array.from(delta.replaced, ([name, before]) => ({
      name,
      version: this.#cache.workload(before, 'extended')?.version,
    }));
    for (const { stream } of this.proxies) if (stream.view.projection) stream.keep(replaced);
    for (const { stream } of this.proxies) if (stream.view.projection) stream.show(delta, [], moment);
  }

  begin(proxy: Proxy): void {
    if (!proxy.stream.view.projection) proxy.stream.begin(this.records.projection, moment);
  }

  setWorkload(index: number, node: string | undefined): void {
    const uid = `w-${index}`;
    if (node === undefined) this.workloads.delete(uid);
    else this.workloads.set(uid, aWorkload({ uid, node }));
    this.publish([uid]);
  }

  setService(index: number, name: string | undefined): void {
    const { key } = aService({ name: `headless-${index}` });
    if (name === undefined) this.services.delete(key);
    else this.services.set(key, aService({ name: `headless-${index}`, subjectAltNames: [name] }));
    this.publish([key]);
  }

  /** Everything is sent and taken. */
  settle(): void {
    for (const proxy of this.proxies) {
      this.begin(proxy);
      while (proxy.answer(true));
    }
  }
}

type Step =
  | { readonly change: 'workload' | 'service'; readonly index: number; readonly to: string | undefined }
  | { readonly do: 'ask' | 'begin' | 'take' | 'refuse' | 'reconnect'; readonly proxy: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    change: fc.constantFrom('workload' as const, 'service' as const),
    index: fc.nat(3),
    to: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
  }),
  fc.record({
    do: fc.constantFrom(
      'ask' as const,
      'begin' as const,
      'take' as const,
      'take' as const,
      'refuse' as const,
      'reconnect' as const,
    ),
    proxy: fc.nat(2),
  }),
);

function run(mesh: Mesh, one: Step): void {
  if ('change' in one)
    return one.change === 'workload'
      ? mesh.setWorkload(one.index, one.to)
      : mesh.setService(one.index, one.to);
  const proxy = mesh.proxies[one.proxy];
  assert.ok(proxy);
  switch (one.do) {
    case 'ask':
      return proxy.ask();
    case 'begin':
      return mesh.begin(proxy);
    case 'reconnect':
      return proxy.reconnect();
    default:
      proxy.answer(one.do === 'take');
  }
}

describe('the stream of a proxy', () => {
  it('brings each proxy what there is, in any order of changes, answers, refusals and reconnects', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const mesh = new Mesh(3);
        for (const one of steps) run(mesh, one);
        // What was refused is not sent again: on a new stream it is.
        for (const proxy of mesh.proxies) proxy.reconnect();
        for (const proxy of mesh.proxies) proxy.ask();
        mesh.settle();
        for (const { held, stream } of mesh.proxies) {
          const there = stream.view.resources(type);
          const expected = Array.from(there.keys(), (name) => [name, there.get(name)?.version] as const);
          assert.deepEqual(new Map([...held].sort()), new Map(expected.sort()));
        }
      }),
      { numRuns: 500 },
    ));

  it('remembers no workload by itself once its proxy holds all as they are', () => {
    const mesh = new Mesh(3);
    for (let i = 0; i < 100; i++) mesh.setWorkload(i, 'a');
    for (let i = 0; i < 5; i++) mesh.setService(i, 'a');
    for (const proxy of mesh.proxies) proxy.ask();
    mesh.settle();
    for (let i = 0; i < 50; i++) mesh.setWorkload(i, 'b');
    // The first is on its way.
    assert.deepEqual(
      mesh.proxies.map(({ stream }) => stream.remembered),
      [54, 54, 54],
    );
    mesh.settle();
    // Services have addresses that are each proxy's own.
    assert.deepEqual(
      mesh.proxies.map(({ stream }) => stream.remembered),
      [5, 5, 5],
    );
  });
});
