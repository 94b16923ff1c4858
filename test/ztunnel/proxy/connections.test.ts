import assert from 'node:assert/strict';
import { Connections, type LiveConnection } from '@isthmus/ztunnel/proxy/connections.ts';

describe('ztunnel/proxy connections', () => {
  function some() {
    const forbidden = new Map<string, string>();
    const closed: string[] = [];
    const connections = new Connections(({ about }) => {
      const message = forbidden.get(about);
      return message === undefined ? undefined : { message, flags: 'DENY' };
    });
    const one = (about: string): LiveConnection => ({
      about,
      peer: undefined,
      inbound: undefined,
      outbound: undefined,
      close: ({ message, flags }) => closed.push(`${about}: ${message} ${flags}`),
    });
    return { forbidden, closed, connections, one };
  }

  it('ends one that comes in when what let it in holds no more', () => {
    const { forbidden, closed, connections, one } = some();
    forbidden.set('a', 'revoked');
    connections.add(one('a'));
    connections.add(one('b'));
    assert.deepEqual(closed, ['a: revoked DENY']);
  });

  it('ends those that may live no longer, and no other', () => {
    const { forbidden, closed, connections, one } = some();
    connections.add(one('a'));
    const removed = connections.add(one('b'));
    connections.add(one('c'));
    removed();
    for (const about of ['b', 'c']) forbidden.set(about, 'denied');
    connections.judgeAgain();
    assert.deepEqual(closed, ['c: denied DENY']);
  });
});
