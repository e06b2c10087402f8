// @ts-check
// The address ends in the token. It is kept for this tab only and taken out of the address bar at once.

const KEPT = 'canopy.token';

export function token() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT) ?? '';
}
