import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { helmLine, shellWord } from '../../cli/helm-line.ts';

describe('the helm command of a token', () => {
  it('is the line that installs the agent', () => {
    assert.equal(
      helmLine({ cluster: 'east', token: 'isthmus-join.v1.eyJh_-' }),
      'helm install isthmus charts/isthmus-cluster --namespace isthmus-system --create-namespace --set cluster.name=east --set joinToken=isthmus-join.v1.eyJh_-',
    );
  });

  it('gives a name that Helm would read as a number or a boolean as a string', () => {
    for (const cluster of ['7', '007', 'true', 'false', 'null'])
      assert.match(helmLine({ cluster, token: 't' }), new RegExp(` --set-string cluster.name=${cluster} `));
    for (const cluster of ['7a', 'a7', 'truth'])
      assert.match(helmLine({ cluster, token: 't' }), new RegExp(` --set cluster.name=${cluster} `));
  });

  it('is one word to a shell whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (text) => {
          const out = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' });
          assert.equal(out, text);
        },
      ),
      { numRuns: 40, examples: [["it's"], ['$HOME `id`'], ['']] },
    );
  });
});
