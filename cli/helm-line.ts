/** What the install of a cluster's agent needs to know. */
export interface Joining {
  readonly cluster: string;
  readonly token: string;
}

/** The command that installs a cluster's agent and has it join, for a POSIX shell, without a line end. */
export const helmLine = ({ cluster, token }: Joining): string =>
  [
    'helm install isthmus charts/isthmus-cluster --namespace isthmus-system --create-namespace',
    set('cluster.name', cluster),
    set('joinToken', token),
  ].join(' ');

/** Helm reads `--set` as YAML does: a name that would be a number or a boolean there is given as a string. */
function set(name: string, value: string): string {
  const isOther = /^(true|false|null|\d+)$/.test(value);
  return `--set${isOther ? '-string' : ''} ${shellWord(`${name}=${value.replaceAll(/[\\,]/g, String.raw`\$&`)}`)}`;
}

/** A text as one word of a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** How a token is given to the chart by a Secret, for --help. */
export const secretHelp = `
For GitOps, or to keep the token out of the shell's history and of Helm's release, put it into a Secret first:
  (umask 077; isthmus token east > east.token)
  kubectl create namespace isthmus-system
  kubectl -n isthmus-system create secret generic isthmus-join-token --from-file=token=east.token
  helm install isthmus charts/isthmus-cluster --namespace isthmus-system --set cluster.name=east --set joinTokenSecret=isthmus-join-token
  rm east.token`;
