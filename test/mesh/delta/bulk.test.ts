import assert from 'node:assert/strict';
import { DeltaWorld, policyType, workloadType } from './delta-world.ts';

const body = (letter: string) => letter.repeat(40);

/** Twenty workloads at the consumer, which all differ now. A page of what is not urgent has room for one or two. */
function worldWithBulk(): DeltaWorld {
  const world = new DeltaWorld({ bulkBytes: 150 });
  for (let i = 0; i < 20; i++) world.set(workloadType, `w${i}`, body('a'));
  world.settle();
  world.sent = [];
  for (let i = 0; i < 20; i++) world.setInBulk(workloadType, `w${i}`, body('b'));
  return world;
}

const namesOf = ({ sent }: DeltaWorld) => sent.map(({ resources }) => resources.map(({ name }) => name));

describe('names of a delta session that are not urgent', () => {
  it('fill small pages, one after the other', () => {
    const world = worldWithBulk();
    world.settle();
    const pages = namesOf(world);
    assert.ok(pages.length >= 10, `${pages.length} pages`);
    assert.deepEqual(
      pages.flat(),
      Array.from({ length: 20 }, (_, i) => `w${i}`),
    );
  });

  it('come after a change of something else, which waits for one page at most', () => {
    const world = worldWithBulk();
    world.pull();
    world.set(workloadType, 'new', body('c'));
    world.settle();
    assert.equal(namesOf(world)[1]?.[0], 'new');
    assert.equal(world.held.get(workloadType)!.size, 21);
  });

  it('are urgent once they change by themselves', () => {
    const world = worldWithBulk();
    world.pull();
    world.set(workloadType, 'w19', body('c'));
    world.settle();
    assert.equal(namesOf(world)[1]?.[0], 'w19');
    assert.equal(
      namesOf(world)
        .flat()
        .filter((name) => name === 'w19').length,
      1,
    );
  });

  it('stay urgent when something wide reaches them too', () => {
    const world = worldWithBulk();
    world.set(workloadType, 'new', body('c'));
    world.setInBulk(workloadType, 'new', body('d'));
    world.settle();
    assert.equal(namesOf(world)[0]?.[0], 'new');
  });

  it('beside a page that urgent names fill still get on', () => {
    const world = worldWithBulk();
    for (let i = 0; i < 10; i++) world.set(workloadType, `u${i}`, body('c'));
    world.pull();
    const [page] = namesOf(world);
    assert.deepEqual(page?.filter((name) => name.startsWith('u')).length, 10);
    assert.ok(page.some((name) => name.startsWith('w')));
  });

  it('go one to a page where each is larger than a small page', () => {
    const world = new DeltaWorld({ bulkBytes: 50 });
    world.settle();
    world.sent = [];
    for (let i = 0; i < 3; i++) world.setInBulk(workloadType, `w${i}`, body('a'));
    world.settle();
    assert.deepEqual(namesOf(world), [['w0'], ['w1'], ['w2']]);
  });

  it('keep what is taken away waiting, as they may still name it', () => {
    const world = worldWithBulk();
    world.set(policyType, 'p', '1');
    world.settle();
    world.sent = [];
    for (let i = 0; i < 20; i++) world.setInBulk(workloadType, `w${i}`, body('c'));
    world.set(policyType, 'p', undefined);
    world.settle();
    assert.deepEqual(world.sent.at(-1)?.removed, ['p']);
  });

  it('of a first sync have pages of their own size, and are complete with the last', () => {
    const world = new DeltaWorld({ firstBytes: 300 });
    for (let i = 0; i < 20; i++) world.set(workloadType, `w${i}`, body('a'));
    // Named before the stream began: all is compared then.
    world.connect();
    world.settle();
    const pages = world.sent.filter(({ type }) => type === workloadType);
    assert.ok(pages.length >= 4);
    assert.deepEqual(
      pages.map(({ complete }) => complete),
      pages.map((_, i) => i === pages.length - 1),
    );
  });
});
