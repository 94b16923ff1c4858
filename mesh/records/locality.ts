/** Where something runs, coarsest first. An empty string is unknown and equals only another empty string. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

export const nowhere: Locality = Object.freeze({ region: '', zone: '', subzone: '' });
