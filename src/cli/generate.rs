//! `generate`: clients in other languages, the AsyncAPI document and pages of the book, from what a server says of
//! itself.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use super::{
    ClientFlags, FLAGS, Failure,
    example::example_replies,
    files::{self, between, others_in},
};
use crate::{
    codegen::{BOOK_FOLDER, Description, Extras},
    registry::Registry,
};

/// Writes a client, or documents, from the operations of this binary or, with `--url`, of a running server, those
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
    /// For docs: show replies of this binary's operations to what a recording holds
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The Python client
    Python,
    /// The TypeScript client
    Typescript,
    /// The AsyncAPI 3.0 document, asyncapi.yaml
    Asyncapi,
    /// The pages of the book on operations and configuration
    Docs,
}

impl What {
    /// The folder of this repository that it belongs into.
    fn folder(self) -> &'static str {
        match self {
            Self::Python => "clients/python",
            Self::Typescript => "clients/typescript",
            Self::Asyncapi => "schemas",
            Self::Docs => "docs/src",
        }
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut extras = Extras { flags: FLAGS.to_vec(), ..Extras::default() };
    let description = match args.client.names_a_server() {
        true => {
            let server = args.client.connect().await?;
            let described = server.call_by_name("describe", &json!({ "all": true })).await?;
            Description::parse(described.result.get())
        }
        false => {
            let registry = Registry::built_in().map_err(Failure::new)?;
            if let Some(recording) = &args.replay {
                extras.replies = example_replies(&registry, recording).await?;
            }
            Description::of(&registry)
        }
    };
    let description = description.map_err(Failure::new)?;
    let folder = args.output.unwrap_or_else(|| args.what.folder().into());
    let written = match args.what {
        What::Python => description.python(),
        What::Typescript => description.typescript(),
        What::Asyncapi => description.asyncapi(),
        What::Docs => description.book(&extras),
    };
    let mut wanted: BTreeMap<PathBuf, String> =
        written.into_iter().map(|file| (folder.join(file.path), file.text)).collect();
    let mut stale = Vec::new();
    if args.what == What::Docs {
        let contents = folder.join("SUMMARY.md");
        // A folder of its own needs none.
        if contents.exists() {
            wanted.insert(contents.clone(), between(&contents, BEGIN, END, &description.book_contents())?);
        }
        let pages = folder.join(BOOK_FOLDER);
        // Those of domains that are gone.
        stale = others_in(&pages, "md", &wanted)?;
    }
    files::bring(&wanted, stale, args.check)
}

const BEGIN: &str = "  <!-- operations: written by `fullon-cache-api generate docs` -->\n";
const END: &str = "  <!-- /operations -->";
