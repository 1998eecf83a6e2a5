//! Streams: what is watched is read once for all who watch it, compared item by item, and what differs is
//! sent to each at the pace that it reads.
//!
//! A topic is what is watched: an operation and the params that its keys are filled from. It holds the
//! present form of every item under the version in which it last changed, so a subscriber is no more than
//! a version up to which it has seen all: whatever lies above is what it has yet to get, and of an item
//! that changed twice only the newest form is there. The hub knows all topics; its driver, a thread of
//! its own, reads them again when the cache tells of a change, or when their interval is over.

mod bell;
mod change;
mod client;
mod counts;
mod driver;
mod echo;
mod hold;
mod hub;
mod index;
mod messages;
mod options;
mod pace;
mod progress;
mod sheet;
mod subscription;
mod tally;
mod telling;
mod topic;
mod tracked;
mod wanted;

pub use sheet::State;
pub(crate) use sheet::{Said, Sheet};

pub(crate) use bell::{Bell, Outlet};
#[cfg(feature = "client")]
pub(crate) use change::ENVELOPE;
pub(crate) use client::{Client, Open, Opening};
pub(crate) use counts::{OfStream, OfTopics};
pub(crate) use hold::Hold;
pub(crate) use hub::Hub;
pub(crate) use options::{Effective, Listed, Options};
pub(crate) use subscription::Settling;
pub(crate) use tally::StreamExplain;
pub(crate) use telling::Tellers;
pub(crate) use topic::Kind;
