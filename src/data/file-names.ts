/** What files are by their names alone. Runs in a browser. */

/** Of archives that were made on a Mac. */
export const macFolder = '__MACOSX';
const leftovers = new Set([macFolder, '@eaDir', 'Thumbs.db', 'ehthumbs.db', 'desktop.ini', 'Desktop.ini']);

/** Hidden files, and what systems leave behind. */
export const isHiddenName = (name: string): boolean => name.startsWith('.') || leftovers.has(name);

export const isTableName = (name: string): boolean => /\.(csv|tsv)$/i.test(name);
export const isParquetName = (name: string): boolean => /\.parquet$/i.test(name);
export const isArchiveName = (name: string): boolean => /\.(zip|7z|rar|tar|tgz|tbz2?|txz|gz|bz2|xz|zst)$/i.test(name);

/** The ending of a path's last name with its dot, in lower case; empty where it has none. */
export const endingOf = (path: string): string => (/[^/\\](\.[^./\\]*)$/.exec(path)?.[1] ?? '').toLowerCase();
