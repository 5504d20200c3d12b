import type { Keys, Marks } from "./reader.js";

/** Why an object of a snapshot, or its fetch, was no good. The one that was there before stays. */
export type Fault =
  | "gone"
  | "forged"
  | "unknown-key"
  | "malformed"
  | "misplaced"
  | "future"
  | "rollback"
  | "too-large"
  /** Too old for `maxStale`. The marks in it hold. */
  | "stale";

/** Times are in seconds. */
export interface Options {
  /**
   * Returns the object of a name, such as a file in a bucket, and nothing if there is none. It is
   * called once or a few times for a session. What it returned is good for `every`; after a failure
   * it is called again five seconds later. Sessions wait for it, so let it fail after a while.
   */
  fetch: (name: string) => Promise<ArrayBuffer | Uint8Array | null | undefined> | ArrayBuffer | Uint8Array | null | undefined;
  /** The store's audience. Default: none. */
  audience?: string;
  /** How long an object is good for before it is fetched again. Default: 30. */
  every?: number;
  /**
   * How old a snapshot may be. It must be longer than `every` and the interval at which the
   * application publishes together. Default: 0, which means any age.
   */
  maxStale?: number;
  /**
   * Whether a session that names a user is refused as `unverified` where nobody can tell whether it
   * was ended: without a snapshot, or with one that is too old. Default: it goes on.
   */
  failClosed?: boolean;
  /** How many marks are held at once, at 8 to 16 bytes each. Default: a million. */
  max?: number;
  /** Is told why an object was no good, and what `fetch` threw. It is for the log. */
  onError?: (fault: Fault, name: string, error?: unknown) => void;
}

/**
 * Judges sessions by the snapshots that `marks.Snapshotter` publishes, for the option `marks` of
 * `reader`. It rejects with a `TypeError` if a key or an option is missing or wrong, and never
 * repeats a key. Make one when the program starts.
 */
export function marks(keys: Keys, options: Options): Promise<Marks>;
