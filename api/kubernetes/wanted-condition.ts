/** A condition as it shall stand in an object's status (metav1.Condition). */
export interface Wanted {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}
