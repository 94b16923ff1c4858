/** One line of a proxy's access log: its fields by name. */
export type AccessLine = Readonly<Record<string, string>>;

/** The `access` lines of a proxy's output, oldest first, in ztunnel's plain format: tab-separated, then `k=v`. */
export function accessLines(log: string): readonly AccessLine[] {
  return log
    .split('\n')
    .filter((line) => line.includes('\taccess\t'))
    .map((line) => parseFields(line.slice(line.indexOf('\taccess\t'))));
}

function parseFields(text: string): AccessLine {
  const fields: Record<string, string> = {};
  for (const [, key = '', quoted, bare] of text.matchAll(/([a-z_.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))/g))
    fields[key] = quoted ?? bare ?? '';
  return fields;
}
