//! `token new`: makes a static token.

use serde_json::json;

use super::{Failure, output};
use crate::{
    access::{Digest, Scope, new_token},
    config::{Config, Token, parse_end},
};

/// Makes tokens to log in with.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token: it is printed once, with the lines that configure it on standard error
    New(New),
}

#[derive(Debug, clap::Args)]
struct New {
    /// What its owner is called in the log
    name: String,
    /// What it entitles to: market, account, orders, bots, ops; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// A user whose data it may read; may be given several times
    #[arg(long = "user-id", value_name = "ID")]
    user_ids: Vec<String>,
    /// It may read the data of all users
    #[arg(long, conflicts_with = "user_ids")]
    all_users: bool,
    /// When it ends, or how long until then: 30d, 12h, 2030-01-01T00:00:00Z [default: never]
    #[arg(long, value_name = "WHEN", value_parser = parse_end)]
    expires: Option<jiff::Timestamp>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Command::New(new) = &args.command;
    let text = new_token().map_err(Failure::new)?;
    let token = Token {
        name: new.name.clone(),
        sha256: Digest::of(text.as_bytes()),
        scopes: new.scopes.clone(),
        user_ids: new.user_ids.clone(),
        all_users: new.all_users,
        expires: new.expires,
    };
    let entry = entry(&token);
    let mut config = Config::default();
    config.auth.tokens = vec![token];
    if let Some((_, fault)) = config.faults().into_iter().next() {
        return Err(Failure::usage(fault));
    }
    output::line(&text)?;
    eprintln!(
        "\nThe token is shown this once; the server keeps its SHA-256 alone. Put this into the configuration:\n\n\
         {entry}"
    );
    for doubt in config.doubts() {
        eprintln!("\nwarning: {doubt}");
    }
    Ok(())
}

/// A token as the configuration has it.
fn entry(token: &Token) -> String {
    // Of texts JSON is TOML.
    let list = |texts: Vec<&str>| json!(texts).to_string().replace("\",\"", "\", \"");
    let scopes = list(token.scopes.iter().map(|scope| scope.as_str()).collect());
    let users = match token.all_users {
        true => "all_users = true".to_owned(),
        false => format!("user_ids = {}", list(token.user_ids.iter().map(String::as_str).collect())),
    };
    let expires = token.expires.map(|end| format!("\nexpires = \"{end}\"")).unwrap_or_default();
    format!(
        "[[auth.tokens]]\nname = {}\nsha256 = \"{}\"\nscopes = {scopes}\n{users}{expires}",
        json!(token.name),
        token.sha256
    )
}
