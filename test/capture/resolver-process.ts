import { TestResolver } from '../fakes/resolver.ts';

/** A resolver that is a process of its own: it knows one name, says from where it was asked, and ends with its parent. */
const [address = '', large = ''] = process.argv.slice(2);
const addresses = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
const resolver = await TestResolver.start({ address, port: 53 }, (name, type) => {
  if (name === 'from.elsewhere.org' && type === 'TXT') {
    const { from, over } = resolver.asked.at(-1) ?? { from: { address: '' }, over: '' };
    return [{ type: 'TXT', name, ttl: 60, data: `${over} ${from.address.replace('::ffff:', '')}` }];
  }
  return name === large ? addresses.map((data) => ({ type: 'A', name, ttl: 60, data })) : 3;
});
console.log('listens');
