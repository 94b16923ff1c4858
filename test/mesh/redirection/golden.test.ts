import { equal } from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { iptablesText, readSaved } from '@isthmus/mesh/redirection/iptables.ts';
import { nftText } from '@isthmus/mesh/redirection/nft.ts';
import { probeCommands } from '@isthmus/mesh/redirection/probes.ts';
import { podRules } from '@isthmus/mesh/redirection/pod-rules.ts';
import { ruleFamilies } from '@isthmus/mesh/redirection/rule.ts';
import type { Backend } from '@isthmus/mesh/redirection/steps.ts';

const folder = join(import.meta.dirname, '../../golden/redirection');
const pods = {
  plain: { dns: false, inbound: true, virtualInterfaces: [] },
  dns: { dns: true, inbound: true, virtualInterfaces: [] },
  'outbound-only': { dns: true, inbound: false, virtualInterfaces: [] },
  'virtual-machines': { dns: true, inbound: true, virtualInterfaces: ['k6t-eth0', 'vif1'] },
};
const probed = ['10.244.1.7', '10.244.1.9', 'fd00:10:244:1::7'];
const probes = (backend: Backend) =>
  ruleFamilies
    .flatMap((family) => probeCommands(backend, family, probed, ''))
    .map(({ program, args, input }) => `# ${program} ${args.join(' ')}\n${input}`)
    .join('');

const files = new Map<string, string>([
  ...Object.entries(pods).flatMap(([name, options]) => [
    ...ruleFamilies.map((family): [string, string] => [
      `pod-${name}.${family.toLowerCase()}.iptables`,
      iptablesText(podRules(family, options), family, readSaved('')),
    ]),
    [
      `pod-${name}.nft`,
      nftText(new Map(ruleFamilies.map((family) => [family, podRules(family, options)]))),
    ] as [string, string],
  ]),
  ['node.iptables', probes('IPTABLES')],
  ['node.nft', probes('NFT')],
]);

describe('the text of rules', () => {
  for (const [name, text] of files)
    it(`stays what it is: ${name}`, () => {
      const path = join(folder, name);
      if (process.env['UPDATE_GOLDEN'] === '1') {
        mkdirSync(folder, { recursive: true });
        writeFileSync(path, text);
      }
      equal(text, existsSync(path) ? readFileSync(path, 'utf8') : 'UPDATE_GOLDEN=1 writes it');
    });
});
