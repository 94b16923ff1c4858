import assert from 'node:assert/strict';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';

const types = ['a', 'b', 'c', 'd'];

/** A session of which everything was sent and acknowledged, and how often it has looked a type up since. */
function settledSession() {
  const resources = new Map<string, Map<string, Produced>>(
    types.map((type) => [type, new Map([['x', { version: '1', body: new Uint8Array() }]])]),
  );
  const looked: string[] = [];
  const session = new ServerSession({
    types,
    lookup(type) {
      looked.push(type);
      return {
        resources: resources.get(type) ?? new Map(),
        systemVersion: { epoch: 1n, revision: 1n },
        complete: true,
      };
    },
  });
  const ask = (type: string, nonce = '') =>
    session.request({ type, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce, error: '' });
  for (const type of types) ask(type);
  const drain = () => {
    const sent: string[] = [];
    for (let response = session.next(); response; response = session.next()) {
      sent.push(...response.resources.map(({ name, version }) => `${response.type}/${name} ${version}`));
      ask(response.type, response.nonce);
    }
    return sent;
  };
  assert.equal(drain().length, types.length);
  looked.length = 0;
  return { session, resources, looked, drain };
}

describe('a session of which everything is settled', () => {
  it('looks at no type when it is asked for more', () => {
    const { session, looked } = settledSession();
    assert.equal(session.next(), undefined);
    assert.deepEqual(looked, []);
  });

  it('looks only at the type of a name that has changed, and sends that', () => {
    const { session, resources, looked, drain } = settledSession();
    resources.get('c')?.set('x', { version: '2', body: new Uint8Array() });
    session.changed('c', ['x']);
    assert.deepEqual(drain(), ['c/x 2']);
    assert.deepEqual([...new Set(looked)], ['c']);
  });

  it('takes away what is gone', () => {
    const { session, resources } = settledSession();
    resources.get('b')?.delete('x');
    session.changed('b', ['x']);
    assert.deepEqual(session.next()?.removed, ['x']);
  });
});
