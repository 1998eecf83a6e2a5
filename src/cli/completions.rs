//! `completions SHELL`: a completion script.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Failure, output};

/// Prints a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fullon-cache-api", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}
