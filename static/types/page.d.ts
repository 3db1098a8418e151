// The shapes that the page and its server share, and those the modules share
// with each other. Only the type checker reads this file.

type Severity = 'emerg' | 'alert' | 'crit' | 'err' | 'warning' | 'notice' | 'info' | 'debug';

/** One stored log message, as the server's JSON shows it. */
interface Entry {
  seq: number;
  /** RFC 3339 with nanoseconds, UTC: the server's clock. */
  received: string;
  /** RFC 3339: the sender's claim; missing if the message says nothing. */
  time?: string;
  facility: string;
  severity: Severity;
  instance: string;
  service?: string;
  owner?: string;
  instance_by?: string;
  hostname?: string;
  source?: string;
  app_name?: string;
  proc_id?: string;
  msg_id?: string;
  structured_data?: string;
  input?: string;
  format?: string;
  flags?: string[];
  message: string;
}

/** A place in a program's source. */
interface Place {
  file: string;
  line?: number;
  function?: string;
}

/** What a message says, under the names of the search's fields. */
interface Content {
  kind: string;
  client?: string;
  method?: string;
  path?: string;
  status?: number;
  bytes?: number;
  /** Seconds, as upstream_took. */
  took?: number;
  upstream_took?: number;
  upstream?: string;
  server?: string;
  http_host?: string;
  referer?: string;
  ua?: string;
  req?: string;
  conn?: string;
  context?: string;
  file?: string;
  line?: number;
  /** All places, if there are several. */
  locations?: Place[];
}

/** Entries that the tail did not show; both ends are included. */
interface Gap {
  gap: true;
  count: number;
  from_seq: number;
  to_seq: number;
  /** The count is of entries of any kind, of which the search may find fewer. */
  upTo?: boolean;
  /** Set while it is being loaded. */
  loading?: boolean;
}

/** What one row of the list shows. */
type Item = Entry | Gap;

/** How the server read one part of the search text. */
interface Term {
  text: string;
  /** The bytes that the part takes of the text that the server was asked; in the store the letters of q. */
  from: number;
  to: number;
  kind: 'text' | 'phrase' | 'regex' | 'field' | 'time' | 'option' | 'operator' | 'group';
  field?: string;
  not?: boolean;
  hint?: string;
}

interface SearchResult {
  entries: Entry[];
  next: string;
  /** How far a search was that took too long: next goes on from there. */
  reached?: string;
  stats: { matched: number; scanned_blocks: number; skipped_blocks: number; took_ms: number };
  terms?: Term[];
}

interface InstanceAction {
  action: string;
  /** Why it is not possible now; empty if it is. */
  refused: string;
}

interface Instance {
  instance: string;
  service: string;
  owner: string;
  kind: string;
  state: 'running' | 'stopped' | 'failed' | 'unknown';
  pid?: number;
  started?: string;
  port?: number;
  detail?: string;
  entries: number;
  bytes: number;
  /** Entries a second over the last minute. */
  rate: number;
  /** How many entries came in each 5 s of the last minute, oldest first. */
  recent?: number[];
  last?: string;
  last_error?: string;
  actions?: InstanceAction[] | null;
}

interface Input {
  input: string;
  received: number;
  dropped: number;
  kernel_dropped: number;
  suppressed: number;
  detail?: string;
}

interface Job {
  id: string;
  instance: string;
  action: string;
  by: string;
  state: 'running' | 'succeeded' | 'failed' | 'abandoned';
  started: string;
  finished?: string;
  error?: string;
  output: string[];
}

interface Me {
  name: string;
  role: string;
  version: string;
}

/** Some of the entries that have arrived; the counts are of all. */
interface SampleFrame {
  type: 'sample';
  entries: Entry[];
  count: number;
  error_count: number;
  seq: number;
}

interface EntriesFrame {
  type: 'entries';
  seq: number;
  entries: Entry[];
  /** As in a SearchResult; only of history. */
  next?: string;
  reached?: string;
}

type Frame =
  | { type: 'status'; seq: number; time: string; terms?: Term[] | null }
  | EntriesFrame
  | SampleFrame
  | { type: 'dropped'; count: number; from_seq: number; to_seq: number }
  | { type: 'error'; status: number; detail: string };

type JobFrame =
  | { type: 'output'; from: number; lines: string[] }
  | { type: 'done'; job: Job };

/** The whole state of the page. Only store.js changes it. */
interface State {
  // What is shown; kept in the address.
  q: string;
  instances: string[];
  /** '' is live; '15m' … counts back from now; 'custom' uses from and to. */
  range: string;
  from: string;
  to: string;

  // How it is shown; kept in the browser.
  theme: 'auto' | 'light' | 'dark' | 'contrast';

  // What the server last said.
  me: Me | null;
  known: Instance[];
  inputs: Input[];
  /** The list of instances has come at least once. */
  knownLoaded: boolean;
  /** Since when nothing that arrives is kept; '' if it is. */
  unkept: string;
  /** Whether that is because the server's disk is full. */
  diskFull: boolean;
  terms: Term[];
  /** How many entries match; -1 while unknown. */
  matched: number;
  tookMs: number;

  // The feed.
  loading: boolean;
  /** How far back a search that takes long has looked; '' if there is none. */
  scannedTo: string;
  /** Whether the list moves with what arrives. */
  following: boolean;
  shown: number;
  newEntries: number;
  newErrors: number;
  /** Entries a second while only a sample of them is shown, else 0. */
  sampleRate: number;
  /** How many entries the list leaves out between those of samples. */
  sampleMissing: number;
  /** When the connection was lost, in ms since the epoch; 0 while it holds. */
  lostAt: number;
  /** The server's sentence about why it shows nothing. */
  trouble: string;

  // The drawer.
  selected: number;
  drawer: '' | 'details' | 'context' | 'instance';
  /** Whose controls the drawer shows; '*' is a card for each. */
  control: string;
  help: boolean;
  rail: boolean;
  /** Only the dots of the rail are shown. */
  railFolded: boolean;
  /** Others' instances are listed, although they are many. */
  teamOpen: boolean;
}

/** Words by language and key. */
type Words = Record<'en' | 'zh', Record<string, string>>;
