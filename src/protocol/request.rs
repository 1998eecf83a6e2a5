//! Requests, read from the text of a frame.

use std::{
    borrow::Cow,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::{Error, ErrorCode, strict::shown};
use crate::object::{each_member, text};

/// What a message may be at the most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many requests one array may hold.
    pub array_length: usize,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// How long a `request_id` may be, in bytes.
    pub request_id_bytes: usize,
}

/// The text of one frame, read.
#[derive(Debug)]
pub enum Message<'a> {
    /// One request.
    One(Result<Request<'a>, Rejected>),
    /// An array of requests.
    Array(Vec<Result<Request<'a>, Rejected>>),
}

/// One request.
#[derive(Debug)]
pub struct Request<'a> {
    /// What the reply is known by.
    pub id: RequestId,
    /// The operation's name.
    pub operation: Cow<'a, str>,
    /// The params, unparsed; None where the request has none.
    pub params: Option<Cow<'a, str>>,
    /// Whether the reply is to tell where its time went and its data came from.
    pub explain: bool,
}

impl Request<'_> {
    /// The same, independent of the frame that it came in.
    pub fn into_owned(self) -> Request<'static> {
        Request {
            id: self.id,
            operation: Cow::Owned(self.operation.into_owned()),
            params: self.params.map(|params| Cow::Owned(params.into_owned())),
            explain: self.explain,
        }
    }
}

/// A message, or an element of one, that is no request.
#[derive(Debug)]
pub struct Rejected {
    /// The request's own id where it could be read, else one that was made up.
    pub id: RequestId,
    /// What is wrong with it.
    pub error: Error,
}

/// What a reply is known by: a string or a number, kept as the JSON that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// An id for a request that has none.
    pub fn made_up() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(format!("\"srv-{}\"", LAST.fetch_add(1, Ordering::Relaxed) + 1).into())
    }

    /// Whether it is this string, or this number.
    pub fn is(&self, id: &Value) -> bool {
        serde_json::from_str::<Value>(&self.0).is_ok_and(|own| own == *id)
    }

    /// The id as JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    fn read(json: &str, limits: &Limits) -> Result<Self, Error> {
        if !json.starts_with(|c: char| matches!(c, '"' | '-' | '0'..='9')) {
            return Err(malformed("`request_id` is neither a string nor a number"));
        }
        let bare = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json);
        if bare.len() > limits.request_id_bytes {
            return Err(malformed(format!("`request_id` is longer than {} bytes", limits.request_id_bytes)));
        }
        Ok(Self(json.into()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn malformed(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorCode::MalformedMessage, message)
}

fn no_json(error: &serde_json::Error) -> Error {
    malformed(format!("not a JSON request: {error}"))
}

impl<'a> Message<'a> {
    /// Reads a frame's text. Never fails as a whole: what is no request says so in its place.
    pub fn parse(text: &'a str, limits: &Limits) -> Self {
        let rejected = |error| Self::One(Err(Rejected { id: RequestId::made_up(), error }));
        let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
        match start.as_bytes().first() {
            Some(b'{') => Self::One(Request::parse(text, limits)),
            Some(b'[') => match serde_json::from_str::<Vec<&'a RawValue>>(text) {
                Ok(list) if list.is_empty() => rejected(malformed("an array of no requests")),
                Ok(list) if list.len() > limits.array_length => rejected(Error::new(
                    ErrorCode::LimitExceeded,
                    format!("{} requests in one array; at most {} may be", list.len(), limits.array_length),
                )),
                Ok(list) => Self::Array(list.iter().map(|raw| Request::parse(raw.get(), limits)).collect()),
                Err(error) => rejected(no_json(&error)),
            },
            _ => rejected(malformed("a message is a JSON object, or an array of them")),
        }
    }
}

impl<'a> Request<'a> {
    fn parse(json: &'a str, limits: &Limits) -> Result<Self, Rejected> {
        let envelope = match Envelope::of_plain(json) {
            Some(envelope) => envelope,
            None => serde_json::from_str(json)
                .map_err(|error| Rejected { id: RequestId::made_up(), error: no_json(&error) })?,
        };
        let id = match envelope.request_id {
            None => RequestId::made_up(),
            Some(raw) => {
                RequestId::read(raw, limits).map_err(|error| Rejected { id: RequestId::made_up(), error })?
            }
        };
        if let Some(complaint) = envelope.complaint {
            return Err(Rejected { id, error: malformed(complaint) });
        }
        let explain = match envelope.explain {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let error = malformed("`explain` is neither true nor false");
                return Err(Rejected { id, error });
            }
        };
        let params = envelope.params.map(Cow::Borrowed);
        match envelope.operation {
            Some(raw) => match text(raw) {
                Some(operation) => Ok(Self { id, operation, params, explain }),
                None => Err(Rejected { id, error: malformed("`operation` is not a string") }),
            },
            None => Err(Rejected { id, error: malformed("no `operation`") }),
        }
    }
}

/// The members of a request. A fault that leaves them readable is kept as a complaint, so that the
/// answer can carry the request's own id.
#[derive(Default)]
struct Envelope<'a> {
    request_id: Option<&'a str>,
    operation: Option<&'a str>,
    params: Option<&'a str>,
    explain: Option<&'a str>,
    complaint: Option<String>,
}

impl<'a> Envelope<'a> {
    /// The members of a request that nothing is wrong with, as almost all are.
    fn of_plain(json: &'a str) -> Option<Self> {
        let mut envelope = Self::default();
        each_member(json, |name, raw| {
            let member = envelope.member(name)?;
            member.replace(raw).is_none().then_some(())
        })?;
        Some(envelope)
    }

    fn member(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        Some(match name {
            "request_id" => &mut self.request_id,
            "operation" => &mut self.operation,
            "params" => &mut self.params,
            "explain" => &mut self.explain,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;

        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request: an object with `operation`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    let value: &RawValue = map.next_value()?;
                    let Some(member) = envelope.member(&name.0) else {
                        let known = "a request has `request_id`, `operation`, `params` and `explain`";
                        let complaint = format!("unknown member {}; {known}", shown(&name.0));
                        envelope.complaint.get_or_insert(complaint);
                        continue;
                    };
                    if member.replace(value.get()).is_some() {
                        envelope.complaint.get_or_insert(format!("the key {} stands twice", shown(&name.0)));
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// A string, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
