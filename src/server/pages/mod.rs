//! What is served by plain HTTP: the explorer page, and how the server is, for those who run it.

mod assets;
mod metrics;
mod process;
mod ready;
mod side;

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
    http::{Body, is_own_name, token_in_header, unauthorized},
};
pub(super) use side::serve_metrics;

use crate::{access::Credential, config::Secret, metrics::Exposition, version};

/// What the explorer page may do: nothing but load its own files and speak to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Of what may be another at each look.
const NEVER_KEPT: &str = "no-store";

/// The answer to a request that is not to open a WebSocket.
pub(super) async fn answer<B>(request: &Request<B>, peer: &Peer, app: &App, live: &Live) -> Response<Body> {
    let mut response = match *request.method() {
        Method::GET | Method::HEAD => serve(request, peer, app, live).await,
        _ => {
            let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Pages are asked for with GET.\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(NEVER_KEPT));
    response
}

async fn serve<B>(request: &Request<B>, peer: &Peer, app: &App, live: &Live) -> Response<Body> {
    let path = request.uri().path();
    match path {
        "/healthz" => page(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => ready::answer(app),
        "/metrics" if live.config.http.metrics && live.config.http.metrics_address.is_none() => {
            known_only(request, peer, app, live).await
        }
        "/version" | "/asyncapi.yaml" | "/schemas" => known_only(request, peer, app, live).await,
        _ if path.starts_with("/schemas/") => known_only(request, peer, app, live).await,
        _ if live.config.http.explorer => assets::answer(path, request.headers()).unwrap_or_else(nothing),
        "/" => page(StatusCode::OK, TEXT, "fullon_cache_api: connect by WebSocket, here or at /ws.\n"),
        _ => nothing(),
    }
}

/// What is for those who may ask `describe`, too.
async fn known_only<B>(request: &Request<B>, peer: &Peer, app: &App, live: &Live) -> Response<Body> {
    if let Err(refusal) = check(request, peer, app, live).await {
        return refusal;
    }
    if request.uri().path() == "/metrics" {
        return page(StatusCode::OK, Exposition::MEDIA_TYPE, metrics::text(app));
    }
    let documents = match live.documents() {
        Ok(documents) => documents,
        Err(error) => {
            tracing::error!(%error, "the documents cannot be written");
            return page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "The documents cannot be written.\n");
        }
    };
    match request.uri().path() {
        "/version" => {
            let facts = json!({
                "name": env!("CARGO_PKG_NAME"),
                "version": version::VERSION,
                "commit": version::COMMIT,
                "date": version::DATE,
            });
            page(StatusCode::OK, JSON, format!("{facts}\n"))
        }
        "/asyncapi.yaml" => page(StatusCode::OK, "application/yaml", documents.asyncapi.clone()),
        path => {
            let name = path.trim_start_matches("/schemas").trim_start_matches('/');
            match documents.schemas.get(name) {
                Some(schema) => page(StatusCode::OK, "application/schema+json", schema.clone()),
                None if name.is_empty() => page(StatusCode::OK, JSON, documents.index.clone()),
                None => page(StatusCode::NOT_FOUND, TEXT, "There is no such schema; /schemas lists them.\n"),
            }
        }
    }
}

/// Refuses those who may not ask.
async fn check<B>(request: &Request<B>, peer: &Peer, app: &App, live: &Live) -> Result<(), Response<Body>> {
    let token = token_in_header(request.headers());
    let token =
        token.map_err(|text| *unauthorized(app, peer, text, &"a login in a form that is not taken"))?;
    let credential = match (token, &peer.certificate) {
        (Some(token), _) => Credential::Token(Secret::from(token)),
        (None, Some(certificate)) => Credential::Certificate(certificate.clone()),
        // A page of a stranger's name, which he has point to this machine, comes from here too.
        (None, None) => Credential::None { is_local: peer.is_local && is_own_name(request.headers()) },
    };
    match live.access.identify(&credential).await {
        Ok(_) => Ok(()),
        Err(denied) => {
            let why = format_args!("{} by HTTP: {denied}", request.uri().path());
            Err(*unauthorized(app, peer, "Send a token as Authorization: Bearer TOKEN.\n", &why))
        }
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
