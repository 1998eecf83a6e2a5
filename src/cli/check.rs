//! `check`: everything that would go wrong at start.

use std::{fmt, time::Duration};

use tokio::time::timeout;

use super::{ConfigFlags, Failure, output, registry};
use crate::{
    access::Access,
    cache::Cache,
    config::{Config, Effective},
    registry::Registry,
    server::{self, HandedOver, Listener},
};

/// Prints every effective value with where it came from, then checks the operations, where it would listen, the
/// logins, whether the keys of issuers can be fetched and Redis can be reached, and what its user may do. Ends with
/// 1 if the server would not serve everything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) async fn run(args: Args, handed_over: HandedOver) -> Result<(), Failure> {
    let (config, effective) = args.config.load()?;
    let row = |Effective { key, value, source }| vec![key, value, source];
    output::line(&output::table(&effective.into_iter().map(row).collect::<Vec<_>>()))?;
    output::line("")?;
    let registry = registry(&config)?;
    let mut report = Report::default();
    report.ok(format_args!("operations: {}", registry.iter().count()))?;
    check_listeners(&config, handed_over, &mut report).await?;
    for doubt in config.doubts() {
        report.warn(doubt)?;
    }
    match Access::of(&config.auth) {
        Ok(access) => check_keys(&access, &mut report).await?,
        Err(problems) => problems.iter().try_for_each(|problem| report.error(problem))?,
    }
    check_redis(&config, &registry, &mut report).await?;
    match report.errors {
        0 => Ok(()),
        1 => Err(Failure::new("1 error")),
        count => Err(Failure::new(format!("{count} errors"))),
    }
}

/// Prints what is found, and counts the errors.
#[derive(Default)]
struct Report {
    errors: usize,
}

impl Report {
    fn ok(&mut self, what: impl fmt::Display) -> Result<(), Failure> {
        output::line(&format!("ok    {what}"))
    }

    fn warn(&mut self, what: impl fmt::Display) -> Result<(), Failure> {
        output::line(&format!("warn  {what}"))
    }

    fn error(&mut self, what: impl fmt::Display) -> Result<(), Failure> {
        self.errors += 1;
        output::line(&format!("error {what}"))
    }
}

async fn check_listeners(
    config: &Config,
    handed_over: HandedOver,
    report: &mut Report,
) -> Result<(), Failure> {
    let faults = config.listen.faults_of_files();
    if !faults.is_empty() {
        return faults.iter().try_for_each(|fault| report.error(fault));
    }
    match Listener::open_all(config, handed_over).await {
        Ok(listeners) => {
            listeners.iter().try_for_each(|listener| report.ok(format_args!("listen: {}", listener.shown())))
        }
        Err(error) => report.error(format_args!("listen: {error}")),
    }
}

/// Whether the keys that issuers publish can be fetched.
async fn check_keys(access: &Access, report: &mut Report) -> Result<(), Failure> {
    for keys in access.try_keys().await {
        match keys {
            Ok(found) => report.ok(format_args!("auth.issuers: {found}")),
            Err(error) => report.error(format_args!("auth.issuers: {error}")),
        }?;
    }
    Ok(())
}

async fn check_redis(config: &Config, registry: &Registry, report: &mut Report) -> Result<(), Failure> {
    let settings = config.redis.link_settings().map_err(Failure::usage)?;
    let whereabouts = settings.whereabouts.clone();
    let cache = Cache::redis(settings);
    // The first attempt ends within its own time limits, to ask sentinels and to connect; this is for a clock that is
    // not to be trusted.
    let patience = 2 * config.redis.connect_timeout.get() + Duration::from_secs(1);
    let settled = timeout(patience, cache.settled()).await;
    let shown = whereabouts.shown();
    if settled.is_err() {
        return report.error(format_args!("redis: {shown}: no answer"));
    }
    let state = cache.state();
    if state.state != "connected" {
        let cause = state.cause.unwrap_or_else(|| "it takes connections, but does not answer".to_owned());
        return report.error(format_args!("redis: {shown}: {cause}"));
    }
    let of = |fact: Option<String>| fact.unwrap_or_else(|| "unknown".to_owned());
    report.ok(format_args!("redis: {shown}, version {}, {}", of(state.version), of(state.role)))?;
    let rights = match server::check_rights(registry, &cache).await {
        Ok(rights) => rights,
        Err(error) => return report.error(format_args!("redis: {error}")),
    };
    for (operation, reason) in &rights.off {
        report.error(format_args!("{operation} would be off: {reason}"))?;
    }
    for (operation, reason) in &rights.doubtful {
        report.warn(format_args!("{operation} may fail: {reason}"))?;
    }
    match &rights.not_read_only {
        None => report.ok("redis: the user may only read")?,
        Some(complaint) if config.redis.require_read_only => {
            report.error(format_args!("redis: {complaint}"))?;
        }
        Some(complaint) => report.warn(format_args!("redis: {complaint}"))?,
    }
    if let Some(lacking) = &rights.lacking {
        report.warn(format_args!("redis: {lacking}"))?;
    }
    if let Some(line) = &rights.proper_user {
        output::line(&format!("\nA user with just the rights that are needed:\n  {line}"))?;
    }
    Ok(())
}
