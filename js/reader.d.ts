/** Keys that `keyring.Key.ExportJWK` has exported, as a JWK Set (RFC 7517), or its text. */
export type Keys = string | { keys: object[] };

/** What the store of the application has in its `ssestore.Config`. Times are in seconds. */
export interface Options {
  /** Name of the cookie. Default: `__Host-session`. */
  name?: string;
  /** The store's audience. Default: none. */
  audience?: string;
  /** How long a browser session may go unused. Default: 1800, which is 30 minutes. */
  idle?: number;
  /** How long a browser session may live. Default: 43200, which is 12 hours. */
  absolute?: number;
  /** How long a persistent session may go unused. Default: 1209600, which is 14 days. */
  persistentIdle?: number;
  /** How long a persistent session may live. Default: 2592000, which is 30 days. */
  persistentAbsolute?: number;
  /** Where the cookie was before, and until which Unix time its sessions go on there. */
  former?: { name: string; until: number }[];
  /** Says which sessions were ended before their time: what `marks` returns. Default: nothing does. */
  marks?: Marks | null;
}

/** What says which sessions were ended before their time. See `marks.d.ts`. */
export interface Marks {
  /** Is called by the reader for each session that is otherwise good. */
  judge(session: object, now: number): Promise<{ verdict: string }>;
}

/**
 * What was found. `ok`: a session. `none`: no cookie. `ambiguous`: two sessions. The others say
 * why a cookie was refused. They are for logs: tell the client the same for all of them.
 */
export type Verdict =
  | "ok"
  | "none"
  | "foreign"
  | "unknown-key"
  | "malformed"
  | "bad-tag"
  | "future"
  | "expired"
  | "ended"
  /** A mark ended it before its time. */
  | "revoked"
  /** Nobody can tell whether a mark ended it: answer 503, and don't ask for a login. */
  | "unverified"
  | "ambiguous";

/** A session that is authentic, isn't over, and wasn't logged out. Times are Unix seconds. */
export interface Session {
  /** Id of the user. `null`: nobody is logged in, though the session may have data. */
  user: string | null;
  /**
   * Id of whoever acts as the user, such as an administrator. `null`: nobody, nearly always.
   * `""`: somebody who can't be read; then user is `null`.
   */
  actor: string | null;
  /** When the session was created. */
  created: number;
  /** When the user logged in. `null` if nobody did. */
  authTime: number | null;
  /** When the session was last renewed. */
  renewed: number;
  /** When it is over, however often it is renewed. It may be over sooner, unused. */
  expires: number;
  /** Whether the user chose "remember me". */
  persistent: boolean;
  /** The application's values, by the names of its typed keys. */
  data: { [name: string]: unknown };
  /**
   * Whether the application verified the user no longer ago than this. It needs the window
   * (`RenewVerified`) in the application's configuration, and is `false` if nobody is logged in.
   */
  within(seconds: number): boolean;
}

export interface Result {
  verdict: Verdict;
  /** `null` unless the verdict is `ok`. */
  session: Session | null;
}

export interface Reader {
  /**
   * Reads the session of a request. It never rejects, whatever the cookie is.
   * @param cookie the Cookie header field, or several
   * @param now Unix time. Default: now
   */
  read(cookie: string | string[] | null | undefined, now?: number): Promise<Result>;
}

/**
 * Makes a reader. It rejects with a `TypeError` if a key or an option is missing or wrong, and
 * never repeats a key. Make one when the program starts, and another one for other keys.
 */
export function reader(keys: Keys, options?: Options): Promise<Reader>;
