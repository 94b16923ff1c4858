import assert from 'node:assert/strict';
import { judge, type Map16 } from '../../sandbox/observe/networks.ts';
import { parseTcpTable, type SocketRow } from '../../sandbox/observe/socket-table.ts';

const map: Map16 = {
  octet: 77,
  gateways: new Set(['127.77.17.9', '127.77.33.9']),
  agents: new Set(['127.77.16.1', '127.77.32.1']),
  localhostPorts: new Set([8080, 8090]),
};
const row = (local: string, remote: string): SocketRow => {
  const [[from = '', fromPort = '40000'], [to = '', toPort = '8081']] = [local.split(':'), remote.split(':')];
  const ends = { local: from, localPort: Number(fromPort), remote: to, remotePort: Number(toPort) };
  return { ...ends, state: '06', inode: '0' };
};

describe('sandbox/observe networks', () => {
  const kinds: Record<string, [ReturnType<typeof judge>['kind'], SocketRow]> = {
    'inside one network': ['inside one network', row('127.77.17.3', '127.77.20.4')],
    'a gateway and an endpoint of its network': [
      'inside one network',
      row('127.77.33.9', '127.77.33.3:15008'),
    ],
    'a pod to a gateway of another network': ['at a gateway', row('127.77.17.3', '127.77.33.9:15008')],
    'the same, as the gateway has it': ['at a gateway', row('127.77.33.9:15443', '127.77.17.3')],
    'an agent and the hub': ['link', row('127.77.32.1', '127.77.0.1:15101')],
    'the hub and an agent that joins': ['link', row('127.77.0.1:15102', '127.77.32.1')],
    'a pod at the API': ['localhost', row('127.77.17.3', '127.0.0.1:8080')],
    'localhost at a pod’s SOCKS': ['localhost', row('127.0.0.1', '127.77.17.3:15080')],
    'localhost with itself': ['elsewhere', row('127.0.0.1', '127.0.0.1:8090')],
    'another sandbox altogether': ['elsewhere', row('127.78.17.3', '127.78.33.3')],
    'a pod to a pod of another network': ['forbidden', row('127.77.17.3', '127.77.33.3')],
    'a gateway that dials a pod of another network': ['forbidden', row('127.77.17.9', '127.77.33.3')],
    'a gateway that dials another network’s tunnel port': [
      'forbidden',
      row('127.77.17.9', '127.77.33.3:15008'),
    ],
    'a pod at another port of a gateway': ['forbidden', row('127.77.17.3', '127.77.33.9:15000')],
    'a pod to the hub': ['forbidden', row('127.77.17.3', '127.77.0.1:15101')],
    'an agent at another port of the hub': ['forbidden', row('127.77.16.1', '127.77.0.1:8080')],
    'an agent to a pod of another cluster': ['forbidden', row('127.77.16.1', '127.77.33.3')],
    'localhost to a pod': ['forbidden', row('127.0.0.1', '127.77.17.3')],
    'localhost to a pod at the API’s port number': ['forbidden', row('127.0.0.1', '127.77.17.3:8080')],
    'a pod of another sandbox': ['forbidden', row('127.78.17.3', '127.77.33.3')],
  };
  for (const [name, [kind, one]] of Object.entries(kinds))
    it(`judges ${name}: ${kind}`, () => assert.equal(judge(one, map).kind, kind));
});

describe('sandbox/observe socket table', () => {
  it('reads the kernel’s rows, byte order and states', () => {
    const text = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 01114D7F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1',
      '   1: 03114D7F:4001 09214D7F:3AA0 06 00000000:00000000 03:000017B9 00000000     0        0 0',
    ].join('\n');
    assert.deepEqual(parseTcpTable(text), [
      { local: '127.77.17.1', localPort: 8080, remote: '0.0.0.0', remotePort: 0, state: '0A', inode: '1' },
      {
        local: '127.77.17.3',
        localPort: 16_385,
        remote: '127.77.33.9',
        remotePort: 15_008,
        state: '06',
        inode: '0',
      },
    ]);
  });

  it('reads IPv4 where a dual-stack socket has it mapped', () => {
    const text =
      'header\n   0: 0000000000000000FFFF000003114D7F:4001 0000000000000000FFFF000001004D7F:3AFD 01 0:0 0:0 0 0 0 7\n';
    const [only] = parseTcpTable(text);
    assert.deepEqual([only?.local, only?.remote, only?.remotePort], ['127.77.17.3', '127.77.0.1', 15_101]);
  });
});
