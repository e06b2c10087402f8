//! The page's server on this machine, as other programs and other sites' pages can reach it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::program::{Home, Running};

const SOON: Duration = Duration::from_secs(20);

/// A volunteer's page: it is served as the meeting's is, and needs no meeting.
struct Served {
    _relay: Running,
    _home: Home,
    host: String,
    token: String,
    client: Client<HttpConnector, Body>,
}

impl Served {
    fn new() -> Served {
        let home = Home::new();
        let args = [
            "relay",
            "--uplink",
            "20mbit",
            "--lease",
            "10min",
            "--address",
            "127.0.0.1",
            "--page",
            "--no-open",
        ];
        let relay = home.start(&args, "", "log");
        let line = home.wait_for("log", SOON, |line| line.contains("http://127.0.0.1:"));
        let address = line.rsplit_once("http://").expect("an address").1;
        let (host, token) = address.split_once("/relay#").expect("a host and a token");
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Served { host: host.to_owned(), token: token.to_owned(), _relay: relay, _home: home, client }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
        let mut request = Request::get(format!("http://{}{path}", self.host));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer =
            self.client.request(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        (answer.status().as_u16(), answer.headers().clone())
    }

    /// What a WebSocket's handshake is answered with (RFC 6455, 4.1).
    async fn socket(&self, origin: Option<&str>, protocols: Option<&str>) -> (u16, HeaderMap) {
        let mut headers = vec![
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        headers.extend(origin.map(|origin| ("origin", origin)));
        headers.extend(protocols.map(|protocols| ("sec-websocket-protocol", protocols)));
        self.get("/socket", &headers).await
    }
}

#[tokio::test]
async fn the_socket_opens_for_the_page_that_has_the_token_and_for_nobody_else() {
    let served = Served::new();
    let (own, good) = (format!("http://{}", served.host), format!("canopy.1, token.{}", served.token));
    let (status, headers) = served.socket(Some(&own), Some(&good)).await;
    assert_eq!(
        (status, headers["sec-websocket-protocol"].to_str().ok()),
        (101, Some("canopy.1")),
        "no token comes back"
    );
    let port: u16 = served.host.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let other_port = format!("http://127.0.0.1:{}", port.wrapping_add(1));
    for origin in [None, Some("http://evil.example"), Some("null"), Some(other_port.as_str())] {
        assert_eq!(served.socket(origin, Some(&good)).await.0, 403, "{origin:?}");
    }
    for protocols in [None, Some("canopy.1"), Some("canopy.1, token.AAAA")] {
        assert_eq!(served.socket(Some(&own), protocols).await.0, 403, "{protocols:?}");
    }
}

#[tokio::test]
async fn a_rebound_name_and_another_sites_page_get_nothing() {
    let served = Served::new();
    assert_eq!(served.get("/relay", &[]).await.0, 200);
    assert_eq!(served.get("/relay", &[("host", "evil.example")]).await.0, 421);
    assert_eq!(
        served.get("/relay.js", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).await.0,
        403
    );
    assert_eq!(served.get("/../Cargo.toml", &[]).await.0, 404);
}

#[tokio::test]
async fn every_answer_shuts_the_page_in() {
    let served = Served::new();
    for path in ["/", "/main.js", "/nowhere"] {
        let (_, headers) = served.get(path, &[]).await;
        let policy = headers["content-security-policy"].to_str().expect("text");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert_eq!(headers["cross-origin-embedder-policy"], "require-corp");
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("access-control-allow-origin"));
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its number").port().to_string();
    let args = [
        "relay",
        "--uplink",
        "1mbit",
        "--lease",
        "1min",
        "--address",
        "127.0.0.1",
        "--page",
        "--no-open",
        "--page-port",
        &port,
    ];
    Home::new().run(&args).refuses(1, &[&port, "--page-port"]);
}
