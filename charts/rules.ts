import type { Access, Verb } from '@isthmus/api/kube/access.ts';

/** A rule of a ClusterRole or a Role. */
interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly Verb[];
}

/**
 * The rules by which RBAC allows what an access list has: ALL are those of the ClusterRole, OWN those of the Role.
 * `create` has no name in its path, so it is a rule of its own without names.
 */
export const rulesOf = (access: readonly Access[], namespaces: Access['namespaces']): readonly Rule[] =>
  access.filter((one) => one.namespaces === namespaces).flatMap(rulesOfOne);

function rulesOfOne({ resource, subresource, verbs, names }: Access): readonly Rule[] {
  const kind = {
    apiGroups: [resource.group],
    resources: [subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`],
  };
  if (names === undefined) return [{ ...kind, verbs }];
  const named = verbs.filter((verb) => verb !== 'create');
  const rules: Rule[] = [];
  if (named.length > 0) rules.push({ ...kind, resourceNames: names, verbs: named });
  if (named.length < verbs.length) rules.push({ ...kind, verbs: ['create'] });
  return rules;
}

/** The named templates `NAME.rules.all` and `NAME.rules.own`, which the role templates of a chart include. */
export const rulesTemplate = (chart: string, access: readonly Access[]): string =>
  `{{/* Generated from access.ts of the program by npm run generate:charts. */}}\n${(['ALL', 'OWN'] as const)
    .map((which) => {
      const rules = rulesOf(access, which).map(
        (rule) =>
          `- ${Object.entries(rule)
            .map(
              ([name, list]: [string, readonly string[]]) =>
                `${name}: [${list.map((one) => JSON.stringify(one)).join(', ')}]`,
            )
            .join('\n  ')}\n`,
      );
      return `{{- define "${chart}.rules.${which.toLowerCase()}" -}}\n${rules.join('')}{{- end }}\n`;
    })
    .join('')}`;
