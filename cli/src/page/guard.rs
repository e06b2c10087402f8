//! Who may talk to the page's server: decided from a request's headers alone.
//!
//! Any web site that this user visits can send requests to 127.0.0.1, and any program on this machine can
//! connect. So: the exact Host (else a rebound DNS name would be of the page's origin), Fetch Metadata, and for
//! the socket the exact Origin, which must be there (CORS doesn't hold WebSockets back), and the token.

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode, header};

use super::token::Token;

/// The one subprotocol.
pub const PROTOCOL: &str = "canopy.1";
/// In front of the token in `Sec-WebSocket-Protocol`.
const TOKEN_PREFIX: &str = "token.";

/// Headers of every answer. Nothing is loaded from elsewhere, nothing may frame the page, and no text becomes
/// markup or code.
pub const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; \
         worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types canopy",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()"),
];

/// Why a request is refused: the status and one line for whoever reads it.
pub type Refusal = (StatusCode, &'static str);

/// What every request has to show.
pub fn check(address: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    if text(headers, header::HOST.as_str()) != Some(address.to_string().as_str()) {
        return Err((StatusCode::MISDIRECTED_REQUEST, "open the address that canopy printed"));
    }
    let navigates = text(headers, "sec-fetch-mode") == Some("navigate")
        && text(headers, "sec-fetch-dest") == Some("document");
    match text(headers, "sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        // A link to the page, from wherever; it brings no token that its author doesn't have.
        Some(_) if navigates => Ok(()),
        Some(_) => Err((StatusCode::FORBIDDEN, "another site asked for this")),
    }
}

/// What a socket has to show as well.
pub fn check_socket(address: SocketAddr, token: &Token, headers: &HeaderMap) -> Result<(), Refusal> {
    check(address, headers)?;
    if text(headers, header::ORIGIN.as_str()) != Some(format!("http://{address}").as_str()) {
        return Err((StatusCode::FORBIDDEN, "only the page itself may open its socket"));
    }
    let shown = text(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let mut shown = shown.split(',').filter_map(|protocol| protocol.trim().strip_prefix(TOKEN_PREFIX));
    if shown.next().is_some_and(|shown| token.is(shown)) {
        return Ok(());
    }
    Err((StatusCode::FORBIDDEN, "open the address that canopy printed: it ends in the token"))
}

/// A header that is there once and is text.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:4321";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn status(token: Option<&Token>, pairs: &[(&'static str, &str)]) -> Option<u16> {
        let address = HERE.parse().unwrap();
        let checked = match token {
            Some(token) => check_socket(address, token, &headers(pairs)),
            None => check(address, &headers(pairs)),
        };
        checked.err().map(|(status, _)| status.as_u16())
    }

    #[test]
    fn a_rebound_name_is_refused_whatever_else_it_shows() {
        assert_eq!(status(None, &[("host", HERE)]), None);
        for host in ["evil.example:4321", "127.0.0.1", "127.0.0.1:4322", "localhost:4321", "[::1]:4321"] {
            assert_eq!(
                status(None, &[("host", host), ("sec-fetch-site", "same-origin")]),
                Some(421),
                "{host}"
            );
        }
        assert_eq!(status(None, &[]), Some(421));
        assert_eq!(status(None, &[("host", HERE), ("host", HERE)]), Some(421), "two are none");
    }

    #[test]
    fn other_sites_may_link_to_the_page_and_nothing_else() {
        let site = |site, mode, dest| {
            status(
                None,
                &[
                    ("host", HERE),
                    ("sec-fetch-site", site),
                    ("sec-fetch-mode", mode),
                    ("sec-fetch-dest", dest),
                ],
            )
        };
        assert_eq!(site("none", "navigate", "document"), None);
        assert_eq!(site("same-origin", "no-cors", "script"), None);
        assert_eq!(site("cross-site", "navigate", "document"), None);
        for (mode, dest) in
            [("navigate", "iframe"), ("no-cors", "script"), ("cors", "empty"), ("websocket", "empty")]
        {
            assert_eq!(site("cross-site", mode, dest), Some(403));
            assert_eq!(site("same-site", mode, dest), Some(403), "another port is another site's page");
        }
    }

    #[test]
    fn a_socket_needs_the_origin_and_the_token() {
        let token = Token::generate();
        let good = format!("{PROTOCOL}, token.{}", token.expose());
        let origin = format!("http://{HERE}");
        let shown = |origin: Option<&str>, protocol: Option<&str>| {
            let mut pairs = vec![("host", HERE)];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            pairs.extend(protocol.map(|protocol| ("sec-websocket-protocol", protocol)));
            status(Some(&token), &pairs)
        };
        assert_eq!(shown(Some(&origin), Some(&good)), None);
        assert_eq!(shown(None, Some(&good)), Some(403));
        for other in ["http://evil.example", "null", "http://127.0.0.1:4322", "https://127.0.0.1:4321"] {
            assert_eq!(shown(Some(other), Some(&good)), Some(403), "{other}");
        }
        assert_eq!(shown(Some(&origin), None), Some(403));
        for wrong in [PROTOCOL.to_owned(), format!("{PROTOCOL}, token."), good[..good.len() - 1].to_owned()] {
            assert_eq!(shown(Some(&origin), Some(&wrong)), Some(403), "{wrong}");
        }
        let twice = format!("{PROTOCOL}, token.wrong, token.{}", token.expose());
        assert_eq!(shown(Some(&origin), Some(&twice)), Some(403), "one try each");
    }
}
