import { deepEqual, equal, match } from 'node:assert/strict';
import fc from 'fast-check';
import { zdsAnswer, zdsHello, zdsRequest, type ZdsRequest } from '@isthmus/api/wire/zds.ts';
import { ZdsSession, type Listed } from '@isthmus/node-agent/zds/session.ts';

const pod = (uid: string, identity = 'a', turn = 1): Listed => ({
  uid,
  name: `pod-${uid}`,
  namespace: 'shop',
  serviceAccount: 'cart',
  identity,
  turn,
});

/** A session with what is listed, and a proxy's ends of it. */
class Ends {
  readonly listed = new Map<string, Listed>();
  readonly session = new ZdsSession(this.listed);

  hello() {
    return this.session.received(Buffer.from(zdsHello.encode({})));
  }

  put(one: Listed): void {
    this.listed.set(one.uid, one);
    this.session.touch(one.uid);
  }

  drop(uid: string): void {
    this.listed.delete(uid);
    this.session.touch(uid);
  }

  request(): ZdsRequest | undefined {
    const next = this.session.next();
    if (!next) return undefined;
    const decoded = zdsRequest.decode(next.bytes);
    if (!decoded.ok) throw new Error(decoded.error);
    equal(next.listed !== undefined, decoded.value.kind === 'add');
    return decoded.value;
  }

  answer(problem?: string) {
    return this.session.received(Buffer.from(zdsAnswer.encode({ problem })));
  }

  /** Answers until nothing is asked; gives what was. */
  all(): readonly string[] {
    const asked: string[] = [];
    for (let request = this.request(); request; request = this.request()) {
      asked.push(
        request.kind === 'add'
          ? `add ${request.pod.uid}`
          : request.kind === 'snapshot-sent'
            ? 'snapshot'
            : `${request.kind} ${request.uid}`,
      );
      equal(this.answer().ok, true);
    }
    return asked;
  }
}

describe('the connection of a proxy, by ZDS', () => {
  it('begins with its hello, then has all that is listed, then SnapshotSent', () => {
    const ends = new Ends();
    ends.put(pod('one'));
    ends.put(pod('two'));
    equal(ends.request(), undefined);
    equal(ends.hello().ok, true);
    deepEqual(ends.all(), ['add one', 'add two', 'snapshot']);
    equal(ends.session.follows, true);
    ends.put(pod('three'));
    ends.drop('one');
    deepEqual(ends.all(), ['add three', 'del one']);
  });

  it('has SnapshotSent also where no pod is listed', () => {
    const ends = new Ends();
    ends.hello();
    deepEqual(ends.all(), ['snapshot']);
  });

  it('is asked one thing at a time', () => {
    const ends = new Ends();
    ends.put(pod('one'));
    ends.put(pod('two'));
    ends.hello();
    equal(ends.request()?.kind, 'add');
    equal(ends.request(), undefined);
  });

  it('that refused a pod goes on with the others, and is asked again only when it is listed again', () => {
    const ends = new Ends();
    ends.put(pod('one'));
    ends.hello();
    ends.request();
    ends.answer('setns: EPERM');
    equal(ends.session.answered('one')?.problem, 'setns: EPERM');
    deepEqual(ends.all(), ['snapshot']);
    ends.put(pod('one', 'a', 2));
    deepEqual(ends.all(), ['add one']);
    equal(ends.session.answered('one')?.problem, undefined);
  });

  it('has a pod removed and added where its sandbox was made again', () => {
    const ends = new Ends();
    ends.put(pod('one', 'a', 1));
    ends.hello();
    ends.all();
    ends.put(pod('one', 'b', 2));
    deepEqual(ends.all(), ['del one', 'add one']);
  });

  it('has what changes many times while it is silent once', () => {
    const ends = new Ends();
    ends.hello();
    ends.put(pod('zero'));
    ends.request();
    for (let i = 0; i < 50; i++) {
      ends.put(pod('one'));
      ends.drop('one');
    }
    ends.put(pod('one'));
    equal(ends.answer().ok, true);
    deepEqual(ends.all(), ['add one', 'snapshot']);
  });

  const refused: Readonly<Record<string, readonly [(ends: Ends) => void, Uint8Array, RegExp]>> = {
    'no hello': [() => undefined, zdsAnswer.encode({ problem: undefined }), /first packet is no hello/],
    'half a hello': [() => undefined, Buffer.from([0x08]), /first packet is no hello/],
    'the hello of another version': [() => undefined, Buffer.from([0x08, 0x02]), /version/],
    'garbage in place of a hello': [() => undefined, Buffer.alloc(1024, 0xff), /first packet is no hello/],
    'an answer to nothing': [
      (ends) => {
        ends.hello();
        ends.all();
      },
      zdsAnswer.encode({ problem: undefined }),
      /was not asked/,
    ],
    'half an answer': [
      (ends) => {
        ends.put(pod('one'));
        ends.hello();
        ends.request();
      },
      Buffer.from([0x0a, 0x05, 0x0a]),
      /cannot be read/,
    ],
    'more than a packet may have': [
      (ends) => {
        ends.hello();
        ends.request();
      },
      Buffer.alloc(1025),
      /1025 bytes/,
    ],
    'a refusal of SnapshotSent': [
      (ends) => {
        ends.hello();
        ends.request();
      },
      zdsAnswer.encode({ problem: 'no' }),
      /SnapshotSent/,
    ],
  };
  for (const [what, [before, bytes, expected]] of Object.entries(refused))
    it(`is closed at ${what}`, () => {
      const ends = new Ends();
      before(ends);
      const heard = ends.session.received(bytes);
      match(heard.ok ? '' : heard.error, expected);
    });

  it('ends with exactly what is listed, whatever happens in between', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            do: fc.constantFrom('put', 'drop', 'ask', 'answer', 'refuse'),
            uid: fc.constantFrom('a', 'b', 'c'),
            identity: fc.constantFrom('x', 'y'),
          }),
          { maxLength: 60 },
        ),
        (steps) => {
          const ends = new Ends();
          const has = new Map<string, string>();
          let asked: ZdsRequest | undefined;
          let turn = 1;
          let given: Listed | undefined;
          const ask = () => {
            const next = ends.session.next();
            if (!next) return;
            const request = zdsRequest.decode(next.bytes);
            asked = request.ok ? request.value : undefined;
            given = next.listed;
          };
          const answer = (problem: string | undefined) => {
            if (!asked) return;
            if (asked.kind === 'add' && problem === undefined) has.set(asked.pod.uid, given?.identity ?? '');
            if (asked.kind === 'del') has.delete(asked.uid);
            const said = asked.kind === 'snapshot-sent' ? undefined : problem;
            equal(ends.answer(said).ok, true);
            asked = undefined;
          };
          ends.hello();
          for (const one of steps) {
            if (one.do === 'put') ends.put(pod(one.uid, one.identity, ++turn));
            else if (one.do === 'drop') ends.drop(one.uid);
            else if (one.do === 'ask') ask();
            else answer(one.do === 'refuse' ? 'no' : undefined);
          }
          for (const one of [...ends.listed.values()]) ends.put({ ...one, turn: ++turn });
          for (let i = 0; i < 30; i++) {
            ask();
            answer(undefined);
          }
          deepEqual(
            [...has].sort(),
            [...ends.listed.values()].map(({ uid, identity }) => [uid, identity]).sort(),
          );
        },
      ),
    ));
});
