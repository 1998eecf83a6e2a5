//! Fills the embedded cache: with a simulated [`Market`], or with a [`Recording`] of a real one.
//!
//! Both write what the cache's real writer would write. A market is made of parts (quotes, bars, orders,
//! accounts, bots, processes); none of them knows the store. At each tick they hand over commands, and
//! only [`Market`] and [`Recording`] apply them.

mod accounts;
mod bars;
mod bots;
mod market;
mod orders;
mod pair;
mod processes;
mod quotes;
mod random;
mod replay;
mod tick;
mod trades;

pub use market::Market;
pub use replay::Recording;
