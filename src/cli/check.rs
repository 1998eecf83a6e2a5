//! `check`: everything that would go wrong at start.

use std::time::Duration;

use tokio::time::timeout;

use super::{ConfigFlags, Failure, output, registry};
use crate::{
    cache::Cache,
    config::{Config, Effective},
    registry::Registry,
    server::{self, Listener, Live},
};

/// Prints every effective value with where it came from, then checks the operations, whether Redis can
/// be reached, and what its user may do. Ends with 1 if the server would not serve everything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let (config, effective) = args.config.load()?;
    let row = |Effective { key, value, source }| vec![key, value, source];
    output::line(&output::table(&effective.into_iter().map(row).collect::<Vec<_>>()))?;
    output::line("")?;
    let registry = registry(&config)?;
    output::line(&format!("ok    operations: {}", registry.iter().count()))?;
    let mut errors = 0;
    match Listener::bind_all(&config).await {
        Ok(listeners) => {
            for listener in &listeners {
                output::line(&format!("ok    listen: {}", listener.shown()))?;
            }
        }
        Err(error) => {
            errors += 1;
            output::line(&format!("error listen: {error}"))?;
        }
    }
    let live = match Live::new(registry, config.clone()) {
        Ok(live) => live,
        Err(problems) => {
            for problem in &problems {
                output::line(&format!("error {problem}"))?;
            }
            return Err(Failure::new(format!("{} errors", problems.len() + errors)));
        }
    };
    errors += check_redis(&config, &live.registry).await?;
    match errors {
        0 => Ok(()),
        1 => Err(Failure::new("1 error")),
        count => Err(Failure::new(format!("{count} errors"))),
    }
}

/// How many errors there are.
async fn check_redis(config: &Config, registry: &Registry) -> Result<usize, Failure> {
    let settings = config.redis.link_settings().map_err(Failure::usage)?;
    let shown = settings.address.shown();
    let cache = Cache::redis(settings);
    // The first attempt ends within its own time limit; this is for a clock that is not to be trusted.
    let patience = config.redis.connect_timeout.get() + Duration::from_secs(1);
    if timeout(patience, cache.settled()).await.is_err() {
        output::line(&format!("error redis: {shown}: no answer"))?;
        return Ok(1);
    }
    let state = cache.state();
    if state.state != "connected" {
        let cause = state.cause.unwrap_or_else(|| "it takes connections, but does not answer".to_owned());
        output::line(&format!("error redis: {shown}: {cause}"))?;
        return Ok(1);
    }
    let of = |fact: Option<String>| fact.unwrap_or_else(|| "unknown".to_owned());
    output::line(&format!("ok    redis: {shown}, version {}, {}", of(state.version), of(state.role)))?;
    let report = match server::check_rights(registry, &cache).await {
        Ok(report) => report,
        Err(error) => {
            output::line(&format!("error redis: {error}"))?;
            return Ok(1);
        }
    };
    for (operation, reason) in &report.off {
        output::line(&format!("error {operation} would be off: {reason}"))?;
    }
    for (operation, reason) in &report.doubtful {
        output::line(&format!("warn  {operation} may fail: {reason}"))?;
    }
    let mut errors = report.off.len();
    match &report.not_read_only {
        None => output::line("ok    redis: the user may only read")?,
        Some(complaint) => {
            let word = if config.redis.require_read_only { "error" } else { "warn " };
            errors += usize::from(config.redis.require_read_only);
            output::line(&format!("{word} redis: {complaint}"))?;
        }
    }
    if let Some(line) = &report.proper_user {
        output::line(&format!("\nA user with just the rights that are needed:\n  {line}"))?;
    }
    Ok(errors)
}
