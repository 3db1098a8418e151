// Releases of an instance, and what can be ordered.

interface Release {
  number: number;
  kind: 'deploy' | 'config' | 'rollback' | '';
  repo: string;
  /** What the commit was called. */
  ref: string;
  sha: string;
  subject: string;
  by: string;
  via: string;
  when: string;
  took_ms: number;
  files: number;
  bytes: number;
  result: 'running' | 'succeeded' | 'failed' | 'abandoned' | 'damaged';
  error?: string;
  job: string;
  /** The release that was rolled back to. */
  of?: number;
  live: boolean;
  kept: boolean;
  /** Why one cannot roll back to it; empty if one can. */
  refused?: string;
}

type OrderName = 'deploy' | 'rollback' | 'apply';

/** What the body of an order says. */
interface OrderOf {
  ref?: string;
  release?: number;
}

interface PossibleOrder {
  order: OrderName;
  /** Why it is not possible; empty if it is. */
  refused: string;
}

/** What would change. */
interface Preview {
  instance: string;
  kind: 'deploy' | 'config' | 'rollback';
  sha: string;
  subject: string;
  /** As diff -u writes it. */
  config: string;
  code: string;
  added: string[];
  changed: string[];
  removed: string[];
  reload: boolean;
  warnings: string[];
}

interface Instance {
  /** What is live, if anything is. */
  release?: Release;
}

interface State {
  /** The job whose output the drawer shows, and the address names; '' is none. */
  job: string;
}
