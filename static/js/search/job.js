// Links to a job: #job=<id> behind the page's address. Pushes print them.

/**
 * The job that a fragment names, or ''.
 * @param {string} fragment such as "#job=2MZ4"
 */
export function readJob(fragment) {
  return /^#job=([A-Za-z0-9]{1,64})$/.exec(fragment)?.[1] ?? '';
}

/**
 * The inverse of readJob.
 * @param {string} id
 */
export function writeJob(id) {
  return id === '' ? '' : `#job=${id}`;
}
