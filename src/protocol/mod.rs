//! The wire: requests, replies, error codes. Knows nothing of Redis, of operations or of sockets.

mod error;
mod reply;
mod request;
mod strict;
mod texts;

pub use error::{Error, ErrorCode, Result, Violation, Warning};
pub use reply::{Remarks, Reply, Truncated};
pub use request::{Limits, Message, Rejected, Request, RequestId};
pub(crate) use strict::parse_params;
pub(crate) use texts::Texts;
