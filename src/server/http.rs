//! HTTP on the same port: the WebSocket upgrade, and a word for those who come with a browser.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::App;

/// How much of a request's head is read.
const MOST_HEAD_BYTES: usize = 16 * 1024;
/// How long what a client still sends is read, so that it can read our last words.
const LINGER: Duration = Duration::from_secs(1);

/// Answers HTTP until a client upgrades. Gives its socket, and what it sent already beyond the upgrade;
/// None if it never does.
pub(super) async fn handshake(socket: TcpStream, app: &Arc<App>) -> Option<(TcpStream, Vec<u8>)> {
    let limit = app.config.limits.handshake_timeout.get();
    let upgrading = Mutex::new(None);
    let service = service_fn(|mut request: Request<Incoming>| {
        let response = match answer(&request) {
            Ok(response) => {
                *upgrading.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(hyper::upgrade::on(&mut request));
                response
            }
            Err(response) => *response,
        };
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    timeout(limit, connection).await.ok()?.ok()?;
    let upgrading = upgrading.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    let upgraded = upgrading.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// The answer to a request: `Ok` if it upgrades the connection.
fn answer(request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, Box<Response<Full<Bytes>>>> {
    let headers = request.headers();
    let path = request.uri().path();
    if !has_token(headers, header::CONNECTION, "upgrade") || !has_token(headers, header::UPGRADE, "websocket")
    {
        return Err(Box::new(match path {
            "/" | "/ws" => page(StatusCode::OK, "fullon_cache_api: connect by WebSocket, here or at /ws.\n"),
            _ => page(StatusCode::NOT_FOUND, "Nothing here. The API is a WebSocket at / and at /ws.\n"),
        }));
    }
    let refusal = if !matches!(path, "/" | "/ws") {
        Some((StatusCode::NOT_FOUND, "The API is a WebSocket at / and at /ws.\n"))
    } else if request.method() != Method::GET {
        Some((StatusCode::METHOD_NOT_ALLOWED, "A WebSocket opens with GET.\n"))
    } else if !is_same_origin(headers) {
        Some((StatusCode::FORBIDDEN, "Pages of other origins may not connect.\n"))
    } else if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        Some((StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is wanted.\n"))
    } else {
        None
    };
    if let Some((status, text)) = refusal {
        return Err(Box::new(page(status, text)));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err(Box::new(page(StatusCode::BAD_REQUEST, "There is no Sec-WebSocket-Key.\n")));
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a valid header value.
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

/// A browser lets any page open a WebSocket to anywhere, loopback included, and says which page it is.
/// Only a page that this server's own address served may; programs other than browsers send no origin.
/// The address must be one that no stranger's name can be made to point to: a number, or `localhost`.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(origin) = origin.as_ref().and_then(Uri::authority) else { return false };
    let name = origin.host().trim_start_matches('[').trim_end_matches(']');
    Some(origin.as_str()) == host && (name == "localhost" || name.parse::<IpAddr>().is_ok())
}

/// Tells a client that it is one too many.
pub(super) async fn refuse(mut socket: TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n\
        content-type: text/plain; charset=utf-8\r\ncontent-length: 38\r\n\r\n\
        All connections are taken; come later\n";
    if timeout(LINGER, socket.write_all(FULL)).await.is_ok_and(|written| written.is_ok()) {
        linger(&mut socket).await;
    }
}

/// Ends a connection so that the client can still read what was sent to it: a socket that is closed
/// with unread bytes in it is reset, and takes the last words with it.
pub(super) async fn linger(socket: &mut TcpStream) {
    const MOST_BYTES: usize = 4 << 20;
    let drain = async {
        if socket.shutdown().await.is_err() {
            return;
        }
        let mut scratch = [0; 4096];
        let mut total = 0;
        while let Ok(read) = socket.read(&mut scratch).await {
            total += read;
            if read == 0 || total > MOST_BYTES {
                return;
            }
        }
    };
    // What takes longer is cut off.
    let _ = timeout(LINGER, drain).await;
}
