//! The files of the explorer page, which build.rs carries along.

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use super::{POLICY, page};
use crate::server::http::{Body, words};

/// One file, as it is and compressed.
struct Asset {
    path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/explorer.rs"));

/// Of files whose name tells their content.
const KEPT_FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Of the page that names them.
const ASKED_AGAIN: &str = "no-cache";

/// The file at this path.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let path = if path == "/" { "/index.html" } else { path };
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let takes_gzip = words(headers, header::ACCEPT_ENCODING).any(takes_gzip);
    let mut response = page(StatusCode::OK, asset.kind, if takes_gzip { asset.gzip } else { asset.plain });
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    if takes_gzip {
        say(header::CONTENT_ENCODING, "gzip");
    }
    say(header::VARY, "accept-encoding");
    say(header::CACHE_CONTROL, if path.starts_with("/assets/") { KEPT_FOR_EVER } else { ASKED_AGAIN });
    say(header::CONTENT_SECURITY_POLICY, POLICY);
    say(header::REFERRER_POLICY, "no-referrer");
    Some(response)
}

/// Whether a word of `Accept-Encoding` asks for gzip, e.g. `gzip;q=0.5`.
fn takes_gzip(word: &str) -> bool {
    let (coding, quality) = word.split_once(';').unwrap_or((word, ""));
    let is_refused = quality.trim().strip_prefix("q=").is_some_and(|quality| quality.parse() == Ok(0.0));
    coding.trim().eq_ignore_ascii_case("gzip") && !is_refused
}
