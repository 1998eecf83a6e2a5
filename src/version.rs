//! What this program is built from; see build.rs.

/// The version of the package, e.g. `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The first digits of the commit's name, or what the packager named; `unknown` where there is neither.
pub const COMMIT: &str = env!("BUILD_COMMIT");

/// The day of the commit, or that of `SOURCE_DATE_EPOCH`, in UTC, e.g. `2026-11-28`; `unknown` where there is neither.
pub const DATE: &str = env!("BUILD_DATE");

/// All of it, e.g. `0.1.0 (53df94e 2026-11-28)`.
pub const FULL: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD"), ")");
