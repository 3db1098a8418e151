// How many entries have come in a stream of bytes, in each format.

const Newline = 10;
const Quote = 34;

export class EntryCounter {
  /** @param {'ndjson' | 'csv' | 'txt'} format */
  constructor(format) {
    this.csv = format === 'csv';
    this.quoted = false;
    this.lines = 0;
  }

  /** @param {Uint8Array} bytes the next ones */
  add(bytes) {
    for (const byte of bytes) {
      // A quote inside a value is doubled, RFC 4180: both turn it back.
      if (this.csv && byte === Quote) this.quoted = !this.quoted;
      else if (byte === Newline && !this.quoted) this.lines++;
    }
  }

  get entries() {
    return this.csv ? Math.max(0, this.lines - 1) : this.lines;
  }
}
