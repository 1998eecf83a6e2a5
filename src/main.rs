//! The command line; see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fullon_cache_api::cli::main()
}
