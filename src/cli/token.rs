//! `token new`: makes a static token.

use super::{Failure, output};
use crate::access::{Digest, Scope, new_token};

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
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Command::New(new) = &args.command;
    let token = new_token().map_err(Failure::new)?;
    let list = |texts: &mut dyn Iterator<Item = &str>| {
        let quoted: Vec<String> = texts.map(|text| format!("{text:?}")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let users = match new.all_users {
        true => "all_users = true".to_owned(),
        false => format!("user_ids = {}", list(&mut new.user_ids.iter().map(String::as_str))),
    };
    output::line(&token)?;
    eprintln!(
        "\nThe token is shown this once; the server keeps its SHA-256 alone. Put this into the configuration:\n\n\
         [[auth.tokens]]\nname = {:?}\nsha256 = \"{}\"\nscopes = {}\n{users}",
        new.name,
        Digest::of(token.as_bytes()),
        list(&mut new.scopes.iter().map(|scope| scope.as_str())),
    );
    Ok(())
}
