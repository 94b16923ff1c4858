/**
 * Sum of a metric's samples on a proxy's page, over the label values that `where` demands; 0 when it has none such. Throws
 * when the page does not have the metric at all: a name that is wrong must not read as a counter that stands still.
 */
export async function metricSum(
  url: string,
  name: string,
  where: Readonly<Record<string, string>> = {},
): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  const page = await response.text();
  if (!page.includes(`# TYPE ${name} `)) throw new Error(`${url} has no metric ${name}`);
  return sumSamples(page, name, where);
}

export function sumSamples(page: string, name: string, where: Readonly<Record<string, string>> = {}): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(where).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
