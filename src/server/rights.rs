//! Holds what the Redis user may do against what the operations need.

use std::collections::BTreeMap;

use crate::{
    cache::{Cache, CacheError, Denied, Rights, Setup, Writing, acl_line},
    registry::Registry,
};

/// What an operator should know of the Redis user's rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RightsReport {
    /// Operations that are off, and why.
    pub off: BTreeMap<String, String>,
    /// Operations that may fail for some keys, and why.
    pub doubtful: BTreeMap<String, String>,
    /// What is wrong with the user as a read-only one.
    pub not_read_only: Option<String>,
    /// What the user may not do that is needed at times.
    pub lacking: Option<String>,
    /// The command that makes a user with just the rights that are needed, where this one has others.
    pub proper_user: Option<String>,
}

/// Asks Redis what its user may do.
pub async fn check_rights(registry: &Registry, cache: &Cache) -> Result<RightsReport, CacheError> {
    let probes = registry.probes();
    let Some(rights) = cache.rights(&probes).await? else { return Ok(RightsReport::default()) };
    let mut report = RightsReport::default();
    for (probe, denied) in &rights.denied {
        let verb = probe.verb.name();
        let (list, reason) = match denied {
            Denied::Command => {
                (&mut report.off, format!("the Redis user {:?} may not run {verb}", rights.user))
            }
            Denied::Keys => {
                let reason =
                    format!("the Redis user {:?} may not run {verb} on `{}`", rights.user, probe.pattern);
                // A user may be meant to see some exchanges only; then some such keys can be read.
                let list = if probe.pattern.is_fixed() { &mut report.off } else { &mut report.doubtful };
                (list, reason)
            }
        };
        list.entry(probe.operation.clone()).or_insert(reason);
    }
    report.not_read_only = complaint(&rights);
    report.lacking = (!rights.may_ask).then(|| {
        let user = &rights.user;
        match rights.setup {
            Setup::Replicas => {
                format!("the Redis user {user:?} may not run ROLE: no replica is read, but the master")
            }
            Setup::One | Setup::Cluster => format!(
                "the Redis user {user:?} may not run ASKING: while slots are moved, their keys cannot be read"
            ),
        }
    });
    let complaints = [&report.not_read_only, &report.lacking];
    if !report.off.is_empty() || !report.doubtful.is_empty() || complaints.into_iter().any(Option::is_some) {
        let line = acl_line(&rights.user, &probes, &registry.channels(), rights.setup);
        report.proper_user = Some(line);
    }
    Ok(report)
}

fn complaint(rights: &Rights) -> Option<String> {
    match &rights.writing {
        Writing::Denied => None,
        Writing::Allowed(commands) => Some(format!(
            "the Redis user {:?} may write ({}), which this server never needs",
            rights.user,
            commands.join(", ")
        )),
        Writing::Unknown(why) => {
            Some(format!("whether the Redis user {:?} may write cannot be found out: {why}", rights.user))
        }
    }
}
