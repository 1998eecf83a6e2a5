//! `generate`: clients in other languages and the AsyncAPI document, from what a server says of itself.

use std::path::PathBuf;

use serde_json::json;

use super::{ClientFlags, Failure, files};
use crate::{codegen::Description, registry::Registry};

/// Writes a client, or a document, from the operations of this binary or, with `--url`, of a running server, those
/// that its operators added among them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to write
    #[arg(value_enum)]
    what: What,
    /// The folder to write to [default: its place in this repository]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write nothing; fail if anything would change
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// The Python client
    Python,
    /// The TypeScript client
    Typescript,
    /// The AsyncAPI 3.0 document, asyncapi.yaml
    Asyncapi,
}

impl What {
    /// The folder of this repository that it belongs into.
    fn folder(self) -> &'static str {
        match self {
            Self::Python => "clients/python",
            Self::Typescript => "clients/typescript",
            Self::Asyncapi => "schemas",
        }
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let description = match args.client.names_a_server() {
        true => {
            let server = args.client.connect().await?;
            let described = server.call_by_name("describe", &json!({ "all": true })).await?;
            Description::parse(described.result.get())
        }
        false => Description::of(&Registry::built_in().map_err(Failure::new)?),
    };
    let description = description.map_err(Failure::new)?;
    let folder = args.output.unwrap_or_else(|| args.what.folder().into());
    let written = match args.what {
        What::Python => description.python(),
        What::Typescript => description.typescript(),
        What::Asyncapi => description.asyncapi(),
    };
    let wanted = written.into_iter().map(|file| (folder.join(file.path), file.text)).collect();
    files::bring(&wanted, Vec::new(), args.check)
}
