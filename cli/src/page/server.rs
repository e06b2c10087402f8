//! Serves the page's files and its socket, on a loopback port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::assets;
use super::guard::{self, HEADERS, PROTOCOL};
use super::socket::{self, Door, MESSAGE_MAX, Media, Outlet, Request};
use super::token::Token;
use crate::fail::{Fail, Outcome};

/// A page that is being served.
pub struct Page {
    /// The address to open, token and all: a secret of this user.
    pub address: Zeroizing<String>,
    /// Where messages to the page go.
    pub outlet: Arc<Outlet>,
    /// What the page asks for.
    pub requests: mpsc::Receiver<Request>,
}

struct Serving {
    address: SocketAddr,
    token: Token,
    door: Door,
}

/// Serves the page at `port` of 127.0.0.1 (0: a free one), as long as the runtime lives. `file` is the document
/// that the printed address names; frames of media that the page sends go to `media`.
pub async fn serve(port: u16, file: &str, media: Arc<dyn Media>) -> Outcome<Page> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        Fail::failed(format!(
            "the page can't be served at port {port}: {error}; choose another with --page-port"
        ))
    })?;
    let address = listener.local_addr().map_err(Fail::failed)?;
    let (asked, requests) = socket::queue();
    let outlet = Arc::new(Outlet::default());
    let door = Door { outlet: Arc::clone(&outlet), asked, media };
    let serving = Arc::new(Serving { address, token: Token::generate(), door });
    let printed = Zeroizing::new(format!("http://{address}/{file}#{}", serving.token.expose()));
    let router = Router::new()
        .route("/socket", get(open_socket))
        .fallback(asset)
        .layer(from_fn_with_state(Arc::clone(&serving), guarded))
        .with_state(serving);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the page's server has stopped");
        }
    });
    Ok(Page { address: printed, outlet, requests })
}

async fn guarded(State(serving): State<Arc<Serving>>, request: HttpRequest, next: Next) -> Response {
    let mut response = match guard::check(serving.address, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn asset(uri: Uri) -> Response {
    match assets::find(uri.path()) {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such file").into_response(),
    }
}

async fn open_socket(
    State(serving): State<Arc<Serving>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = guard::check_socket(serving.address, &serving.token, &headers) {
        tracing::warn!(why = refusal.1, "a socket to the page was refused");
        return refusal.into_response();
    }
    let door = serving.door.clone();
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(|socket| socket::attend(socket, door))
}
