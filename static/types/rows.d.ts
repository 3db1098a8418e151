// The list: how its rows look, and the entry that a link leads to.

type Column = 'time' | 'severity' | 'instance' | 'host' | 'app' | 'pid' | 'message';

/** '' is one line. */
type Wrap = '' | 'two' | 'all';

interface State {
  columns: Column[];
  wrap: Wrap;
  relaxed: boolean;
  /** Marked in the messages without being searched for. */
  marks: string[];

  /** Whether a bare address shows one's own instances: there are some. */
  startsOwn: boolean;

  /** The entry that the address leads to and the list does not show yet; 0: none. */
  link: number;
  /** Why the list does not have the entry of the link. */
  linkTrouble: '' | 'unmatched' | 'gone';
  /** The entry that linkTrouble is about. */
  linkMissed: number;
}
