/** The beginning of an id, by which two people can tell devices apart. */
export function shortId(id: string): string {
  return id.slice(0, 6).toUpperCase();
}
