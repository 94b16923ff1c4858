import assert from 'node:assert/strict';
import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { remoteService } from '@isthmus/api/wire/link.ts';
import { aMember, Federation } from '../../fakes/federation.ts';
import { someProperties } from '../../fakes/global-properties.ts';

describe('global properties of an exported service', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start();
    await hub.put(aMember('east'), aMember('west'));
  });
  afterEach(() => hub.end());

  const report = (properties: GlobalProperties | undefined) =>
    hub.report('east', {
      services: { cart: 1 },
      over: { cart: { ...(properties && { properties }) } },
    });
  const received = () => {
    const found = hub.received('west', 'remote').get('east/shop/cart');
    const decoded = remoteService.decode(found?.body ?? new Uint8Array());
    assert.ok(decoded.ok);
    return { properties: decoded.value.properties, version: found?.version };
  };

  it('go to other clusters as its agent reports them, and a change is another version', () => {
    const old = someProperties({ exportedAt: 1000, affinitySeconds: 10 });
    report(old);
    const before = received();
    assert.deepEqual(before.properties, old);
    report({ ...old, headless: true });
    assert.equal(received().properties?.headless, true);
    assert.notEqual(received().version, before.version);
  });

  it('are absent where its agent does not know of them', () => {
    report(undefined);
    assert.equal(received().properties, undefined);
  });
});
