import assert from 'node:assert/strict';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { assertScales, type Work } from './doubled.ts';
import { CountedResources } from './counted-resources.ts';

const type = 'address';
const body = new Uint8Array(200);

/** One producer of so many resources, and one consumer of it that takes everything. */
class Stream {
  readonly resources = new CountedResources();
  readonly server: ServerSession;
  readonly #client = new ClientSession([type]);

  constructor(size: number, pageBytes: number) {
    for (let i = 0; i < size; i++) this.resources.put(`r-${i}`, 'v1', body);
    const systemVersion = { epoch: 1n, revision: 1n };
    this.server = new ServerSession({
      types: [type],
      lookup: () => ({ resources: this.resources, systemVersion, complete: true }),
      firstBytes: pageBytes,
      bulkBytes: pageBytes,
    });
    for (const request of this.#client.open()) this.server.request(request);
  }

  /** Until there is nothing more to say. */
  run(): void {
    for (let response = this.server.next(); response; response = this.server.next())
      this.server.request(this.#client.response(response, () => []));
  }

  /** What is counted while something runs. */
  counted(count: 'visits' | 'encoded', run: () => void): number {
    const before = this.resources[count];
    run();
    return this.resources[count] - before;
  }
}

const workOf =
  (count: 'visits' | 'encoded', pageBytes = 3 * 1024 * 1024) =>
  (size: number): Work => {
    const stream = new Stream(size, pageBytes);
    const firstSync = stream.counted(count, () => stream.run());
    const change = stream.counted(count, () => {
      stream.resources.put('r-7', 'v2', body);
      stream.server.changed(type, ['r-7']);
      stream.run();
    });
    return { firstSync, change };
  };

describe('the size of a delta session', () => {
  // 40,000 are three pages of 3 MiB.
  for (const size of [1_000, 10_000, 40_000]) {
    it(`of ${size} resources: looks twice as often for a first sync when they are doubled, and as often for a change`, () =>
      assertScales(workOf('visits'), size));

    it(`of ${size} resources: encodes twice as many for a first sync when they are doubled, and as many for a change`, () =>
      assertScales(workOf('encoded'), size));
  }

  it('of 20,000 resources in pages of 64 KiB: looks twice as often for a first sync when they are doubled', () =>
    assertScales(workOf('visits', 64 * 1024), 20_000));

  it('looks at as many resources for a change while 10,000 others wait as it does when 20,000 do', () => {
    const overtaking = (size: number): Work => {
      const stream = new Stream(size, 64 * 1024);
      stream.run();
      for (let i = 0; i < size; i++) stream.resources.put(`r-${i}`, 'v2', body);
      const marking = stream.counted('visits', () =>
        stream.server.changed(type, stream.resources.keys(), 'bulk'),
      );
      const change = stream.counted('visits', () => {
        stream.resources.put('r-7', 'v3', body);
        stream.server.changed(type, ['r-7']);
        assert.equal(stream.server.next()?.resources[0]?.name, 'r-7');
      });
      return { firstSync: marking, change };
    };
    assertScales(overtaking, 10_000);
  });
});
