import type { Measured, Throughput } from './measure.ts';

/** Markdown tables of all paths, each figure with its ratio to the first path of the run. */
export function tables(rows: readonly Measured[]): string {
  return [throughputs(rows), latencies(rows)].join('\n\n');
}

function throughputs(rows: readonly Measured[]): string {
  const head = ['path', '1 stream', 'CPU s/GB', '8 streams', 'CPU s/GB'];
  return table(
    head,
    rows.map(({ name, one, eight }) => [
      name,
      withRatio(`${gigabits(one)} Gbit/s`, one.bytesPerSecond, rows[0]?.one.bytesPerSecond),
      cpu(one),
      withRatio(`${gigabits(eight)} Gbit/s`, eight.bytesPerSecond, rows[0]?.eight.bytesPerSecond),
      cpu(eight),
    ]),
  );
}

function latencies(rows: readonly Measured[]): string {
  const [base] = rows;
  return table(
    ['path', '1 KiB echo p50', 'p99', 'new connections/s'],
    rows.map(({ name, p50, p99, callsPerSecond }) => [
      name,
      withRatio(`${p50.toFixed(0)} µs`, p50, base?.p50),
      withRatio(`${p99.toFixed(0)} µs`, p99, base?.p99),
      withRatio(callsPerSecond.toFixed(0), callsPerSecond, base?.callsPerSecond),
    ]),
  );
}

const gigabits = ({ bytesPerSecond }: Throughput): string => ((bytesPerSecond * 8) / 1e9).toFixed(2);

/** `client / gateway / server`, with a dash where there is none. */
function cpu({ perGigabyte: { client, gateway, server } }: Throughput): string {
  return [client, gateway, server].map((value) => value?.toFixed(2) ?? '–').join(' / ');
}

const withRatio = (text: string, value: number, base: number | undefined): string =>
  base === undefined ? text : `${text} (${(value / base).toFixed(2)}x)`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
