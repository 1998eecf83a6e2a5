//! `health`: asks a running server how it is, by HTTP.

use tokio::time::timeout;

use super::{ClientFlags, Failure, exit, output};
use crate::client::ClientError;

/// Asks a running server for /healthz, or for /readyz, and ends with 0 if all is well. It needs no login, and no
/// other program in a container's image.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask whether clients do well to come, too: Redis can be reached, and it is not stopping
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    client: ClientFlags,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let endpoint = args.client.endpoint()?;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let limit = args.client.timeout;
    let asked = timeout(limit, endpoint.get(path)).await;
    let page = asked.unwrap_or(Err(ClientError::TimedOut(limit)))?;
    let text = page.text.trim_end();
    if page.status.is_success() {
        return output::line(text);
    }
    let message = format!("{endpoint}: {path} answers {}: {text}", page.status);
    Err(Failure { code: exit::REFUSED, message })
}
