/** A search that is saved under a name. */
interface SavedView {
  scope: 'me' | 'team';
  name: string;
  by: string;
  /** What the page's address has from the ? on. */
  search: string;
}

interface State {
  /** One's own and the team's. */
  views: SavedView[];
}
