import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { ReplicaClaim } from '@isthmus/api/domain/replica.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { AgentLinks, maxReplicas } from '../../../federation/link/agent-links.ts';
import type { LinkStream, StreamKind, StreamPorts } from '../../../federation/link/stream-kind.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A call that keeps how it was ended. */
class FakeCall extends EventEmitter {
  readonly statuses: { code: number; details: string }[] = [];

  constructor() {
    super();
    this.on('error', (error: { code: number; details: string }) => this.statuses.push(error));
  }

  end(): void {
    this.emit('finish');
  }

  say(message: string): void {
    this.emit('data', message);
  }
}

const kindOf = (method: 'sync' | 'health', holdsLink: boolean) => {
  const heard: string[] = [];
  let stopped = 0;
  const kind: StreamKind<string, string> = {
    method,
    holdsLink,
    open: (): LinkStream<string> => ({ hear: (message) => heard.push(message), stop: () => stopped++ }),
  };
  return { kind, heard, stopped: () => stopped };
};

const ports = {} as StreamPorts;
const main: ReplicaClaim = { id: 'main', role: 'leader', agentVersion: '1' };
const leader = (id: string): ReplicaClaim => ({ ...main, id });
const follower = (id: string): ReplicaClaim => ({ ...main, id, role: 'follower' });
const east = { cluster: 'east', membership: 'm1', trustDomain: defaultTrustDomain };

describe('the links of agents at the hub', () => {
  const world = () => {
    const clock = new FakeClock();
    const events: string[] = [];
    const links = new AgentLinks(clock, {
      onGone: ({ agent, claim }) => events.push(`gone ${agent.cluster} ${claim.id}`),
      onDuplicate: ({ agent, claim }) => events.push(`duplicate ${agent.cluster} ${claim.id}`),
    });
    const sync = kindOf('sync', true);
    const health = kindOf('health', false);
    const open = (kind: StreamKind<string, string>, connection: string, agent = east, claim = main) => {
      const call = new FakeCall();
      const certificate = { ...agent, raw: Buffer.from(connection), hubId: 'test', notAfter: Infinity };
      const link = links.at(agent, connection, certificate, claim);
      link.open(kind, call as unknown as ServerDuplexStream<string, string>, ports);
      links.add(link, claim);
      return { call, link };
    };
    return { clock, events, links, sync, health, open };
  };

  it('keep the streams of one connection together, and end them all when one that holds the link ends', () => {
    const { events, links, sync, health, open } = world();
    const one = open(sync.kind, 'a:1');
    const other = open(health.kind, 'a:1');
    assert.equal(one.link, other.link);
    one.call.say('hello');
    assert.deepEqual(sync.heard, ['hello']);
    one.call.emit('cancelled');
    assert.deepEqual(other.call.statuses, [
      { code: status.ABORTED, details: 'the agent has ended its link' },
    ]);
    assert.deepEqual([links.size, sync.stopped(), health.stopped()], [0, 1, 1]);
    assert.deepEqual(events, ['gone east main']);
  });

  it('go on when a stream ends that does not hold the link, until the last one has ended', () => {
    const { events, links, sync, health, open } = world();
    const one = open(health.kind, 'a:1');
    const other = open(sync.kind, 'a:1');
    one.call.emit('cancelled');
    assert.equal(links.leader('east')?.stream(health.kind), undefined);
    assert.notEqual(links.leader('east')?.stream(sync.kind), undefined);
    other.call.emit('end');
    assert.deepEqual(events, ['gone east main']);
  });

  it('of one replica are one: a newer connection replaces the older one with all its streams', () => {
    const { events, links, sync, health, open } = world();
    const old = [open(sync.kind, 'a:1'), open(health.kind, 'a:1')];
    const newer = open(sync.kind, 'a:2');
    for (const { call } of old) assert.equal(call.statuses[0]?.code, status.ABORTED);
    assert.deepEqual(links.of('east'), [newer.link]);
    assert.deepEqual(events, ['duplicate east main']);
    old[0]?.call.say('late');
    assert.deepEqual(sync.heard, []);
  });

  it('of different replicas of a cluster stand beside each other, and one of them leads', () => {
    const { events, links, sync, open } = world();
    const first = open(sync.kind, 'a:1', east, leader('agent-a'));
    const second = open(sync.kind, 'b:1', east, follower('agent-b'));
    assert.deepEqual([links.of('east').length, links.leader('east'), events], [2, first.link, []]);
    second.call.emit('cancelled');
    assert.deepEqual([links.of('east'), links.leader('east')], [[first.link], first.link]);
    assert.deepEqual(events, ['gone east agent-b']);
    first.call.emit('cancelled');
    assert.deepEqual([links.size, events], [0, ['gone east agent-b', 'gone east agent-a']]);
  });

  it('lead from the newest claim on, also of a stream that is opened again on the same connection', () => {
    const { links, sync, open } = world();
    const first = open(sync.kind, 'a:1', east, leader('agent-a'));
    const second = open(sync.kind, 'b:1', east, follower('agent-b'));
    assert.equal(open(sync.kind, 'b:1', east, leader('agent-b')).link, second.link);
    assert.deepEqual(
      [links.leader('east'), first.link.leads, first.link.isOver],
      [second.link, false, false],
    );
    open(sync.kind, 'a:1', east, follower('agent-a'));
    assert.equal(links.leader('east'), second.link);
  });

  it('that claim to lead and do not are ended when the leader goes, and come again', () => {
    const { links, sync, open } = world();
    const first = open(sync.kind, 'a:1', east, leader('agent-a'));
    const second = open(sync.kind, 'b:1', east, leader('agent-b'));
    open(sync.kind, 'c:1', east, follower('agent-c'));
    second.call.emit('cancelled');
    assert.equal(first.call.statuses[0]?.details, 'the replica that led is gone: connect again');
    assert.deepEqual(
      links.of('east').map(({ claim }) => claim.id),
      ['agent-c'],
    );
  });

  it('that give up the lead leave it to another one that claims it', () => {
    const { links, sync, open } = world();
    const first = open(sync.kind, 'a:1', east, leader('agent-a'));
    open(sync.kind, 'b:1', east, leader('agent-b'));
    open(sync.kind, 'b:1', east, follower('agent-b'));
    assert.equal(first.call.statuses[0]?.details, 'the replica that led is gone: connect again');
    assert.equal(links.leader('east'), undefined);
  });

  it(`are ${maxReplicas} of a cluster at most; one more is refused, and one that comes back is not`, () => {
    const { links, sync, open } = world();
    const [other] = [open(sync.kind, 'z:1', { ...east, cluster: 'west', membership: 'm2' })];
    for (let i = 1; i < maxReplicas; i++) open(sync.kind, `a:${i}`, east, follower(`agent-${i}`));
    const last = open(sync.kind, 'b:1', east, leader('last'));
    assert.equal(links.of('east').length, maxReplicas);
    assert.throws(
      () => open(sync.kind, 'b:2', east, leader('more')),
      /^CodedError: 8 replicas .* no more are taken/,
    );
    open(sync.kind, 'b:3', east, leader('last'));
    assert.equal(links.of('east').length, maxReplicas);
    assert.deepEqual([last.link.isOver, other.link.isOver], [true, false]);
  });

  it('are found by their connection as long as they stand', () => {
    const { links, sync, open } = world();
    const older = open(sync.kind, 'a:1');
    assert.equal(links.ofConnection('a:1'), older.link);
    assert.equal(links.ofConnection('a:2'), undefined);
    const newer = open(sync.kind, 'a:2');
    assert.deepEqual([links.ofConnection('a:1'), links.ofConnection('a:2')], [undefined, newer.link]);
    newer.call.emit('cancelled');
    assert.equal(links.ofConnection('a:2'), undefined);
  });

  it('hear the newer of two streams of one kind, and stay', () => {
    const { events, links, sync, open } = world();
    const older = open(sync.kind, 'a:1');
    const newer = open(sync.kind, 'a:1');
    assert.equal(older.call.statuses[0]?.details, 'a newer stream of this connection has taken over');
    newer.call.say('hello');
    assert.deepEqual([sync.heard, links.size, events], [['hello'], 1, []]);
  });

  it('stay as they were when a newer connection is refused', () => {
    const { clock, events, links, sync, open } = world();
    const { link } = open(sync.kind, 'a:1');
    const refusing: StreamKind<string, string> = {
      method: 'sync',
      holdsLink: true,
      open() {
        throw new Error('refused');
      },
    };
    const timers = clock.pending;
    assert.throws(() => open(refusing, 'a:2'), /refused/);
    assert.deepEqual([links.leader('east') === link, events, clock.pending], [true, [], timers]);
  });

  it('end with a membership, each replica of it', () => {
    const { links, sync, open } = world();
    const calls = ['agent-a', 'agent-b'].map((id) => open(sync.kind, `${id}:1`, east, follower(id)).call);
    open(sync.kind, 'b:1', { ...east, cluster: 'west', membership: 'm2' });
    links.endOf('east', () => 'sent away');
    assert.deepEqual(
      calls.map(({ statuses }) => statuses[0]?.details),
      ['sent away', 'sent away'],
    );
    assert.deepEqual([links.size, links.of('east')], [1, []]);
  });

  it('end with the membership that they are of', () => {
    const { links, sync, health, open } = world();
    const calls = [open(sync.kind, 'a:1'), open(health.kind, 'a:1')].map(({ call }) => call);
    open(sync.kind, 'b:1', { ...east, cluster: 'west', membership: 'm2' });
    links.endWhere(({ cluster }) => (cluster === 'east' ? 'sent away' : undefined));
    assert.deepEqual(
      calls.map(({ statuses }) => statuses),
      [
        [{ code: status.PERMISSION_DENIED, details: 'sent away' }],
        [{ code: status.PERMISSION_DENIED, details: 'sent away' }],
      ],
    );
    assert.deepEqual([links.size, links.leader('west')?.isOver], [1, false]);
  });

  for (const [at, isOver] of [
    [20_999, false],
    [21_000, true],
  ] as const)
    it(`${isOver ? 'end' : 'stand'} ${at} ms after the last message of any stream`, async () => {
      const { clock, sync, health, open } = world();
      const { link, call } = open(sync.kind, 'a:1');
      const other = open(health.kind, 'a:1');
      await clock.advance(12_000);
      call.say('something');
      await clock.advance(5000);
      other.call.say('something');
      await clock.advance(at);
      assert.equal(link.isOver, isOver);
      assert.equal(call.statuses[0]?.code, isOver ? status.UNAVAILABLE : undefined);
    });

  it('stand when what was said within the 20 s is read after a long turn of the event loop', async () => {
    const { clock, sync, open } = world();
    const { link, call } = open(sync.kind, 'a:1');
    await clock.advance(20_500);
    call.say('this was in the socket');
    await clock.advance(1000);
    assert.equal(link.isOver, false);
  });
});
