//! HTTP on the same port: the WebSocket upgrade, and a word for those who come with a browser.

use std::{
    convert::Infallible,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    App,
    caller::{Login, NotTaken, Peer},
    pages::{self, page},
    stats::Refused,
};
use crate::{
    access::{self, AddressPlace, Credential},
    config::{Listen, Origin, Secret},
    transport::Io,
};

/// How much of a request's head is read.
const MOST_HEAD_BYTES: usize = 16 * 1024;
/// How long what a client still sends is read, so that it can read our last words.
const LINGER: Duration = Duration::from_secs(1);
/// The subprotocol that this server speaks. Who offers a token as another one offers this too, so that the
/// server can choose one that is no secret.
const SUBPROTOCOL: &str = "fullon-cache-api";
/// How a subprotocol begins that is a token.
const TOKEN_SUBPROTOCOL: &str = "bearer.";

/// A client that has upgraded to WebSocket.
pub(super) struct Upgraded {
    pub(super) socket: Box<dyn Io>,
    /// What it sent already beyond the upgrade.
    pub(super) early: Vec<u8>,
    pub(super) peer: Peer,
    pub(super) login: Login,
    /// Its place among the connections of its address.
    pub(super) place: Option<AddressPlace>,
}

/// Answers HTTP until a client upgrades; None if it never does. How long that may take is up to whoever waits
/// for it.
pub(super) async fn handshake(socket: Box<dyn Io>, peer: Peer, app: &Arc<App>) -> Option<Upgraded> {
    let limit = app.live().config.limits.handshake_timeout.get();
    let upgrading = Mutex::new(None);
    let service = service_fn(|mut request: Request<Incoming>| {
        let (upgrading, peer) = (&upgrading, peer.clone());
        async move {
            let response = match answer(&request, peer, app).await {
                Ok((response, admitted)) => {
                    *upgrading.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some((hyper::upgrade::on(&mut request), admitted));
                    response
                }
                Err(response) => *response,
            };
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    connection.await.ok()?;
    let (upgrading, admitted): (OnUpgrade, Admitted) =
        upgrading.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    let parts = upgrading.await.ok()?.downcast::<TokioIo<Box<dyn Io>>>().ok()?;
    let Admitted { peer, login, place } = admitted;
    Some(Upgraded { socket: parts.io.into_inner(), early: parts.read_buf.to_vec(), peer, login, place })
}

/// What a response has beside its head.
pub(super) type Body = Full<Bytes>;
type Refusal = Box<Response<Body>>;

/// Who is let in.
struct Admitted {
    peer: Peer,
    login: Login,
    place: Option<AddressPlace>,
}

/// The answer to a request: `Ok` if it upgrades the connection.
async fn answer(
    request: &Request<Incoming>,
    mut peer: Peer,
    app: &Arc<App>,
) -> Result<(Response<Body>, Admitted), Refusal> {
    let live = app.live_for_long();
    let headers = request.headers();
    if !opens_websocket(headers) {
        see_through_proxies(&mut peer, headers, &live.config.listen);
        return Err(Box::new(pages::answer(request, &peer, app, &live).await));
    }
    let accept = accept_key(request, app, &live.config.listen)?;
    let offered = Offered::of(headers);
    if offered.token.is_some() && !offered.has_ours {
        let message = "Offer the subprotocol fullon-cache-api beside the token.\n";
        return Err(refusal(StatusCode::BAD_REQUEST, message));
    }
    let forwarded = see_through_proxies(&mut peer, headers, &live.config.listen);
    let most = live.config.limits.connections_per_address;
    // Of one that came by itself its place was taken when it came in; who comes through an unknown proxy on the
    // same machine counts as that.
    let through = peer.address.filter(|address| address.is_loopback() && !peer.is_local);
    let place = match forwarded.or(through) {
        None => None,
        Some(address) => {
            Some(app.shares.connection_of(address, most).ok_or_else(|| too_many(app, TooMany::OfAddress))?)
        }
    };
    let token = token(request, offered.token, live.config.auth.token_in_query)
        .map_err(|text| unauthorized(app, &peer, text, &"a login in a form that is not taken"))?;
    let credential = match (token, &peer.certificate) {
        (Some(token), _) => Credential::Token(Secret::from(token)),
        (None, Some(certificate)) => Credential::Certificate(certificate.clone()),
        (None, None) => Credential::None { is_local: peer.is_local },
    };
    let login = Login::at_opening(app, &live, credential).await.map_err(|not_taken| match not_taken {
        NotTaken::TooMany => too_many(app, TooMany::OfLogin),
        NotTaken::Bad(denied) => {
            unauthorized(app, &peer, "The token is not valid.\n", &format_args!("a bad token: {denied}"))
        }
    })?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if offered.has_ours {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok((response, Admitted { peer, login, place }))
}

fn too_many(app: &App, why: TooMany) -> Refusal {
    app.stats.refused(why.into());
    let mut refusal = refusal(why.status(), why.text());
    refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    refusal
}

/// Refuses one who presents what is no login, or presents it in a way that is not taken.
fn unauthorized(app: &App, peer: &Peer, text: &'static str, why: &dyn fmt::Display) -> Refusal {
    app.stats.refused(Refused::Token);
    not_known(app, peer, text, why)
}

/// The answer to one whom nobody knows, which the log takes note of.
pub(super) fn not_known(app: &App, peer: &Peer, text: &'static str, why: &dyn fmt::Display) -> Refusal {
    app.audit.refuse(access::Refusal {
        who: "nobody".to_owned(),
        from: peer.to_string(),
        operation: None,
        owner: None,
        why: why.to_string(),
    });
    let mut refusal = refusal(StatusCode::UNAUTHORIZED, text);
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}

/// Whether a request is to open a WebSocket.
fn opens_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, "websocket")
}

/// The answer to the key of a request that opens a WebSocket as it should.
fn accept_key(request: &Request<Incoming>, app: &App, listen: &Listen) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let wrong = if !matches!(request.uri().path(), "/" | "/ws") {
        Some((StatusCode::NOT_FOUND, "The API is a WebSocket at / and at /ws.\n"))
    } else if request.method() != Method::GET {
        Some((StatusCode::METHOD_NOT_ALLOWED, "A WebSocket opens with GET.\n"))
    } else if !is_welcome(headers, &listen.origins) {
        app.stats.refused(Refused::Origin);
        Some((StatusCode::FORBIDDEN, "Pages of this origin may not connect.\n"))
    } else if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        Some((StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is wanted.\n"))
    } else {
        None
    };
    if let Some((status, text)) = wrong {
        return Err(refusal(status, text));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let accept = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
    accept.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "There is no Sec-WebSocket-Key.\n"))
}

fn refusal(status: StatusCode, text: &'static str) -> Refusal {
    let mut response = page(status, pages::TEXT, text);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    Box::new(response)
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    words(headers, name).any(|word| word.eq_ignore_ascii_case(token))
}

/// What stands between the commas of a header.
pub(super) fn words(headers: &HeaderMap, name: HeaderName) -> impl DoubleEndedIterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// The subprotocols that a client offers.
struct Offered<'r> {
    has_ours: bool,
    /// A token: a browser's page can send one in no other header.
    token: Option<&'r str>,
}

impl<'r> Offered<'r> {
    fn of(headers: &'r HeaderMap) -> Self {
        let offered = || words(headers, header::SEC_WEBSOCKET_PROTOCOL);
        Self {
            has_ours: offered().any(|word| word == SUBPROTOCOL),
            token: offered().find_map(|word| word.strip_prefix(TOKEN_SUBPROTOCOL)),
        }
    }
}

/// The token that a client presents, wherever it does; an error, for the client, if that is not where or how one
/// is taken: who means to log in is not to be taken for one who does not.
fn token<'r>(
    request: &'r Request<Incoming>,
    offered: Option<&'r str>,
    may_be_in_query: bool,
) -> Result<Option<&'r str>, &'static str> {
    let in_header = token_in_header(request.headers())?;
    let in_query = in_query(request);
    if in_query.is_some() && !may_be_in_query {
        return Err(
            "No token is taken in the address; send it as Authorization: Bearer TOKEN, or by `authenticate`.\n",
        );
    }
    Ok(in_header.or(offered).or(in_query))
}

/// The token in the header that is for it; an error, for the client, if something else is there.
pub(super) fn token_in_header(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    bearer(value).map(Some).ok_or("The header wanted is Authorization: Bearer TOKEN.\n")
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn in_query(request: &Request<Incoming>) -> Option<&str> {
    let pairs = request.uri().query()?.split('&');
    pairs.filter_map(|pair| pair.strip_prefix("token=")).next()
}

/// Who a client is behind proxies that are trusted; its address then. What an unknown one forwards is not believed, but neither is the client
/// then taken for a local one.
fn see_through_proxies(peer: &mut Peer, headers: &HeaderMap, listen: &Listen) -> Option<IpAddr> {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let signs = [FORWARDED_FOR, header::FORWARDED, header::VIA, HeaderName::from_static("x-real-ip")];
    if signs.iter().any(|sign| headers.contains_key(sign)) {
        peer.is_local = false;
    }
    if !listen.trusts(peer.address) {
        return None;
    }
    let mut client = None;
    // Each proxy appends who it heard from; what stands before the last stranger may be made up.
    for word in words(headers, FORWARDED_FOR).rev() {
        let Ok(address) = word.parse::<IpAddr>().map(|address| address.to_canonical()) else { break };
        client = Some(address);
        if !listen.trusts(Some(address)) {
            break;
        }
    }
    peer.address = client.or(peer.address);
    client
}

/// A browser lets any page open a WebSocket to anywhere, loopback included, and says which page it is.
/// Only a page of a listed origin may, or one that this server's own address served; programs other than
/// browsers send no origin. This server's own address must be one that no stranger's name can be made to
/// point to.
fn is_welcome(headers: &HeaderMap, origins: &[Origin]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<Origin>().ok()) else {
        return false;
    };
    origins.contains(&origin)
        || is_sure(origin.host()) && host(headers).is_some_and(|host| origin.is_at(host))
}

/// Whether a browser was sent here by an address that no stranger's name can be made to point to.
pub(super) fn is_own_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| match port.parse::<u16>() {
        Ok(_) => name,
        Err(_) => host,
    });
    is_sure(name.trim_start_matches('[').trim_end_matches(']'))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// A number, or `localhost`.
fn is_sure(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok()
}

/// Why a client is one too many.
#[derive(Debug, Clone, Copy)]
pub(super) enum TooMany {
    InAll,
    /// For what the server has to do.
    Busy,
    OfAddress,
    OfLogin,
}

impl TooMany {
    fn status(self) -> StatusCode {
        match self {
            Self::InAll | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::OfAddress | Self::OfLogin => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::InAll => "All connections are taken; come later.\n",
            Self::Busy => "The server has too much to do; come later.\n",
            Self::OfAddress => "This address has as many connections as it may.\n",
            Self::OfLogin => "This login has as many connections as it may.\n",
        }
    }
}

/// When a client that is one too many may try again, in seconds.
const RETRY_AFTER: &str = "5";

/// Tells a client, of which nothing was read yet, that it is one too many.
pub(super) async fn refuse(mut socket: Box<dyn Io>, why: TooMany) {
    let (status, text) = (why.status(), why.text());
    let response = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\nretry-after: {RETRY_AFTER}\r\n\
         content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    if timeout(LINGER, socket.write_all(response.as_bytes())).await.is_ok_and(|written| written.is_ok()) {
        linger(&mut *socket).await;
    }
}

/// Ends a connection so that the client can still read what was sent to it: a socket that is closed
/// with unread bytes in it is reset, and takes the last words with it.
pub(super) async fn linger(socket: &mut dyn Io) {
    const MOST_BYTES: usize = 4 << 20;
    let drain = async {
        if socket.shutdown().await.is_err() {
            return;
        }
        // Not within the future, which every connection would have room for.
        let mut scratch = vec![0; 4096];
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
