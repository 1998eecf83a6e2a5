//! `schemas`: writes the JSON Schemas of this binary's operations, or checks that they are up to date.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    Failure,
    files::{self, between, others_in},
};
use crate::registry::Registry;

/// Writes `schemas/NAME.json` (draft 2020-12) and `schemas/draft-07/NAME.json` for every operation, and
/// removes those of operations that are gone.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "schemas")]
    output: PathBuf,
    /// Also renew the operations table of this file, between its `operations` marks
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Write nothing; fail if anything would change
    #[arg(long)]
    check: bool,
}

const BEGIN: &str = "<!-- operations: written by `fullon-cache-api schemas --readme` -->\n";
const END: &str = "<!-- /operations -->";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let registry = Registry::built_in().map_err(Failure::new)?;
    let mut wanted: BTreeMap<PathBuf, String> = registry
        .schema_documents()
        .into_iter()
        .map(|document| (args.output.join(document.path), document.text))
        .collect();
    if let Some(readme) = &args.readme {
        wanted.insert(readme.clone(), between(readme, BEGIN, END, &registry.markdown())?);
    }
    // Those that no operation has any more.
    let mut stale = others_in(&args.output, "json", &wanted)?;
    stale.extend(others_in(&args.output.join("draft-07"), "json", &wanted)?);
    stale.sort();
    files::bring(&wanted, stale, args.check)
}
