/** Sum of a metric's samples on a Prometheus page, over the label values that `where` demands; 0 when it has none. */
export async function metricSum(
  url: string,
  name: string,
  where: Readonly<Record<string, string>> = {},
): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return sumSamples(await response.text(), name, where);
}

export function sumSamples(page: string, name: string, where: Readonly<Record<string, string>> = {}): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(where).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
