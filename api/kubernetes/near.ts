/** The candidate that a misspelt word most likely means; undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let min = Infinity;
  for (const candidate of candidates) {
    const distance = near(word, candidate);
    if (distance !== undefined && distance < min) [best, min] = [candidate, distance];
  }
  return best;
}

/** A third of its letters may be wrong, and no more than two: `Servcie`, `selectr`, `Pdo`. */
function near(word: string, candidate: string): number | undefined {
  const max = Math.min(2, Math.floor(Math.max(word.length, candidate.length) / 3));
  if (Math.abs(word.length - candidate.length) > max) return undefined;
  const found = distance(word.toLowerCase(), candidate.toLowerCase());
  return found <= max ? found : undefined;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(before, j - 2) + 1 : Infinity;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Infinity;
