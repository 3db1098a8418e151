// Where an export goes: straight to a file where the browser can, else through
// memory.

/** More than that does not go through memory. */
export const MostInMemory = 256 * 1024 * 1024;

/** Thrown by write when memory is full. */
export class TooLarge extends Error {}

/**
 * @typedef {object} Target
 * @property {(bytes: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {(name: string) => Promise<void>} done
 * @property {() => Promise<void>} drop
 */

/**
 * Asks where to save, if the browser can; null if the person does not want to.
 * @param {string} name
 * @returns {Promise<Target | null>}
 */
export async function openTarget(name) {
  const pick = /** @type {any} */ (window).showSaveFilePicker;
  if (!pick) return memory();
  try {
    const file = await (await pick.call(window, { suggestedName: name })).createWritable();
    return { write: (bytes) => file.write(bytes), done: () => file.close(), drop: () => file.abort() };
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') return null;
    return memory();
  }
}

/** @returns {Target} */
function memory() {
  /** @type {BlobPart[]} */
  let parts = [];
  let size = 0;
  return {
    async write(bytes) {
      size += bytes.length;
      if (size > MostInMemory) throw new TooLarge();
      parts.push(bytes);
    },
    async done(name) {
      const url = URL.createObjectURL(new Blob(parts));
      download(url, name);
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    async drop() {
      parts = [];
    },
  };
}

/**
 * @param {string} url
 * @param {string} name
 */
export function download(url, name) {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}
