// What the range, the zone, the histogram and the facets add.

interface State {
  /** Whose clock the page shows; kept in the browser, and in the address. */
  zone: 'local' | 'utc' | 'server';
  /** Whether the histogram is shown; kept in the browser. */
  histogram: boolean;
}

interface Me {
  /** The server's zone: a name of the IANA's, or an offset. */
  zone: string;
}

interface HistogramAnswer {
  from: string;
  to: string;
  step_ms: number;
  buckets: { time: string; total: number; by_severity: Partial<Record<Severity, number>> }[];
  /** Those in the range, whatever the search asks for. */
  deploys?: DeployMark[] | null;
}

/** One change to what an instance runs. */
interface DeployMark {
  instance: string;
  number: number;
  time: string;
  kind: 'deploy' | 'config' | 'rollback';
  result: 'succeeded' | 'failed';
  by: string;
  sha: string;
  subject: string;
}

interface FacetsAnswer {
  fields: Record<string, { value: string; count: number }[]>;
  others: Record<string, number>;
  partial: string[];
}
