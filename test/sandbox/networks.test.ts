import assert from 'node:assert/strict';
import { violation, type Map16 } from '../../sandbox/observe/networks.ts';
import { parseTcpTable, type SocketRow } from '../../sandbox/observe/socket-table.ts';

const map: Map16 = {
  octet: 77,
  gateways: new Set(['127.77.17.9', '127.77.33.9']),
  agents: new Set(['127.77.16.1', '127.77.32.1']),
};
const doors = new Set([8080, 8090]);
const row = (local: string, remote: string, localPort = 40_000, remotePort = 8081): SocketRow => ({
  ...{ local, remote, localPort, remotePort },
  state: '06',
});

describe('sandbox/observe networks', () => {
  const allowed: Record<string, SocketRow> = {
    'inside one network': row('127.77.17.3', '127.77.20.4'),
    'a pod to a gateway of another network': row('127.77.17.3', '127.77.33.9'),
    'a gateway that answers a pod of another network': row('127.77.33.9', '127.77.17.3'),
    'an agent and the hub': row('127.77.32.1', '127.77.0.1'),
    'the hub and an agent': row('127.77.0.1', '127.77.32.1'),
    'localhost at a door': row('127.0.0.1', '127.0.0.1', 50_000, 8090),
    'another sandbox altogether': row('127.78.17.3', '127.78.33.3'),
  };
  for (const [name, one] of Object.entries(allowed))
    it(`allows ${name}`, () => assert.equal(violation(one, map, doors), undefined));

  const forbidden: Record<string, SocketRow> = {
    'a pod to a pod of another network': row('127.77.17.3', '127.77.33.3'),
    'a pod to the hub': row('127.77.17.3', '127.77.0.1'),
    'localhost to a pod': row('127.0.0.1', '127.77.17.3'),
    'an agent to a pod of another cluster': row('127.77.16.1', '127.77.33.3'),
    'a pod of another sandbox': row('127.78.17.3', '127.77.33.3'),
  };
  for (const [name, one] of Object.entries(forbidden))
    it(`finds ${name}`, () => assert.match(violation(one, map, doors) ?? '', /127\.7/));
});

describe('sandbox/observe socket table', () => {
  it('reads the kernel’s rows, byte order and states', () => {
    const text = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 01114D7F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1',
      '   1: 03114D7F:4001 09214D7F:3AA0 06 00000000:00000000 03:000017B9 00000000     0        0 0 3',
    ].join('\n');
    assert.deepEqual(parseTcpTable(text), [
      { local: '127.77.17.1', localPort: 8080, remote: '0.0.0.0', remotePort: 0, state: '0A' },
      { local: '127.77.17.3', localPort: 16_385, remote: '127.77.33.9', remotePort: 15_008, state: '06' },
    ]);
  });
});
