/** What a consumer holds of one type by its acknowledgements: name to version. Also what is under way to it. */
export interface KnownVersions {
  get(name: string): string | undefined;
  set(name: string, version: string): void;
  delete(name: string): void;
  keys(): Iterable<string>;
  /** Names that are held otherwise than the producer has them now; absent: that is not kept by itself. */
  others?(): Iterable<string>;
}
