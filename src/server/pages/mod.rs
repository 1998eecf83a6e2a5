//! What is served by plain HTTP: the explorer page, and how the server is, for those who run it.

mod assets;
mod metrics;
mod process;
mod ready;
mod side;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderValue},
};
use serde_json::json;

use super::{
    App, Live,
    caller::Peer,
    http::{Body, is_own_name, not_known, token_in_header},
    live::Documents,
    stats::Refused,
};
pub(super) use side::serve_metrics;

use crate::{
    access::{Credential, Scope},
    config::Secret,
    metrics::Exposition,
    version,
};

/// What the explorer page may do: nothing but load its own files and speak to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const WANTS_TOKEN: &str = "Send a token as Authorization: Bearer TOKEN.\n";
/// Of what may be another at each look.
const NEVER_KEPT: &str = "no-store";

/// The answer to a request that is not to open a WebSocket.
pub(super) async fn answer<B>(
    request: &Request<B>,
    peer: &Peer,
    app: &Arc<App>,
    live: &Arc<Live>,
) -> Response<Body> {
    let mut response = finished(match *request.method() {
        Method::GET | Method::HEAD => serve(request, peer, app, live).await,
        _ => only_asked_for(),
    });
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The answer to another method than those that ask.
fn only_asked_for() -> Response<Body> {
    let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Pages are asked for with GET.\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// With what goes for all pages.
fn finished(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(NEVER_KEPT));
    response
}

/// The pages by which it is watched over, the same on every port.
fn probe(path: &str, app: &App) -> Option<Response<Body>> {
    match path {
        "/healthz" => Some(page(StatusCode::OK, TEXT, "ok\n")),
        "/readyz" => Some(ready::answer(app)),
        _ => None,
    }
}

async fn serve<B>(request: &Request<B>, peer: &Peer, app: &Arc<App>, live: &Arc<Live>) -> Response<Body> {
    let path = request.uri().path();
    if let Some(probe) = probe(path, app) {
        return probe;
    }
    let http = &live.config.http;
    match path {
        "/metrics" if http.metrics && http.metrics_address.is_none() => {
            match check(request, peer, app, live, Some(Scope::Ops)).await {
                Ok(()) => metrics_page(app).await,
                Err(refusal) => refusal,
            }
        }
        "/version" | "/asyncapi.yaml" | "/schemas" => known_only(request, peer, app, live).await,
        _ if path.starts_with("/schemas/") => known_only(request, peer, app, live).await,
        _ if http.explorer => assets::answer(path, request.headers()).unwrap_or_else(nothing),
        "/" => page(StatusCode::OK, TEXT, "fullon_cache_api: connect by WebSocket, here or at /ws.\n"),
        _ => nothing(),
    }
}

/// What is for those who may ask `describe`, too.
async fn known_only<B>(
    request: &Request<B>,
    peer: &Peer,
    app: &Arc<App>,
    live: &Arc<Live>,
) -> Response<Body> {
    if let Err(refusal) = check(request, peer, app, live, None).await {
        return refusal;
    }
    let path = request.uri().path().to_owned();
    if path == "/version" {
        return version_page();
    }
    let live = live.clone();
    aside(app, move || match live.documents() {
        Ok(documents) => document(documents, &path),
        Err(error) => {
            tracing::error!(%error, "the documents cannot be written");
            page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "The documents cannot be written.\n")
        }
    })
    .await
}

fn version_page() -> Response<Body> {
    let facts = json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": version::VERSION,
        "commit": version::COMMIT,
        "date": version::DATE,
    });
    page(StatusCode::OK, JSON, format!("{facts}\n"))
}

fn document(documents: &Documents, path: &str) -> Response<Body> {
    if path == "/asyncapi.yaml" {
        return page(StatusCode::OK, "application/yaml", documents.asyncapi.clone());
    }
    let name = path.strip_prefix("/schemas").unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    match documents.schemas.get(name) {
        Some(schema) => page(StatusCode::OK, "application/schema+json", schema.clone()),
        None if name.is_empty() => page(StatusCode::OK, JSON, documents.index.clone()),
        None => page(StatusCode::NOT_FOUND, TEXT, "There is no such schema; /schemas lists them.\n"),
    }
}

async fn metrics_page(app: &Arc<App>) -> Response<Body> {
    let asked = app.clone();
    aside(app, move || page(StatusCode::OK, Exposition::MEDIA_TYPE, metrics::text(&asked))).await
}

/// Makes a page that takes a while, one at a time, and on a thread that serves no clients meanwhile.
async fn aside(app: &App, make: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    // An error would mean that it is closed, which it never is.
    let _turn = app.aside.acquire().await;
    let failed = |_| page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "The page cannot be made.\n");
    tokio::task::spawn_blocking(make).await.unwrap_or_else(failed)
}

/// Refuses those who may not ask: strangers, and those who lack the scope.
async fn check<B>(
    request: &Request<B>,
    peer: &Peer,
    app: &App,
    live: &Live,
    scope: Option<Scope>,
) -> Result<(), Response<Body>> {
    let refuse = |text, why: &dyn fmt::Display| {
        app.stats.refused(Refused::Page);
        *not_known(app, peer, text, why)
    };
    let token = token_in_header(request.headers());
    let token = token.map_err(|text| refuse(text, &"a login in a form that is not taken"))?;
    let credential = match (token, &peer.certificate) {
        (Some(token), _) => Credential::Token(Secret::from(token)),
        (None, Some(certificate)) => Credential::Certificate(certificate.clone()),
        // A page of a stranger's name, which it has point to this machine, comes from here too.
        (None, None) => Credential::None { is_local: peer.is_local && is_own_name(request.headers()) },
    };
    let path = request.uri().path();
    match live.access.identify(&credential).await {
        Ok(identity) if scope.is_none_or(|scope| identity.rights.have(Some(scope))) => Ok(()),
        Ok(identity) if identity.is_login => {
            app.stats.refused(Refused::Page);
            Err(page(StatusCode::FORBIDDEN, TEXT, "This is for those with the scope `ops`.\n"))
        }
        Ok(_) => Err(refuse(WANTS_TOKEN, &format_args!("{path} by HTTP without a login"))),
        Err(denied) => Err(refuse(WANTS_TOKEN, &format_args!("{path} by HTTP: {denied}"))),
    }
}

fn nothing() -> Response<Body> {
    page(StatusCode::NOT_FOUND, TEXT, "Nothing here. The API is a WebSocket at / and at /ws.\n")
}

/// A page of this type.
pub(super) fn page(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
