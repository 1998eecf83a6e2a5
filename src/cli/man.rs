//! `man`: the man pages, from the command line's own definition.

use std::{collections::BTreeMap, path::PathBuf};

use clap::CommandFactory as _;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{Cli, Failure, exit, files, output};
use crate::{
    config::{DEFAULT_FILE, PREFIX, VARIABLES},
    version,
};

/// Prints the page of the whole program, or writes it and one for each command into a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to write all pages to
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let program = program();
    let Some(folder) = &args.output else {
        return output::line(page(&program)?.trim_end());
    };
    let mut pages = BTreeMap::new();
    collect(&program, folder, &mut pages)?;
    files::bring(&pages, Vec::new(), false)
}

fn program() -> clap::Command {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives the commands the names that their pages have.
    program.build();
    program
}

fn collect(
    command: &clap::Command,
    folder: &std::path::Path,
    pages: &mut BTreeMap<PathBuf, String>,
) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    pages.insert(folder.join(format!("{name}.1")), page(command)?);
    command.get_subcommands().try_for_each(|command| collect(command, folder, pages))
}

/// The page of the program or of one command.
fn page(command: &clap::Command) -> Result<String, Failure> {
    let is_program = command.get_name() == "fullon-cache-api";
    let man = Man::new(command.clone())
        .date(version::DATE)
        .source(format!("fullon-cache-api {}", version::VERSION))
        .manual("fullon_cache_api");
    let mut page = Vec::new();
    man.render_title(&mut page).map_err(Failure::new)?;
    man.render_name_section(&mut page).map_err(Failure::new)?;
    man.render_synopsis_section(&mut page).map_err(Failure::new)?;
    man.render_description_section(&mut page).map_err(Failure::new)?;
    man.render_options_section(&mut page).map_err(Failure::new)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page).map_err(Failure::new)?;
    }
    let mut rest = Roff::new();
    if is_program {
        exit_status(&mut rest);
        files_read(&mut rest);
        environment(&mut rest);
    } else {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([bold("fullon-cache-api"), roman("(1), with exit status, files and environment")]);
    }
    rest.to_writer(&mut page).map_err(Failure::new)?;
    let page = String::from_utf8(page).map_err(Failure::new)?;
    Ok(page.chars().map(character).collect())
}

/// A character as every roff reads it.
fn character(c: char) -> String {
    if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) }
}

/// One thing with what there is to say of it.
fn item(page: &mut Roff, name: &str, text: &str) {
    page.control("TP", []);
    page.text([bold(name)]);
    page.text([roman(text)]);
}

fn exit_status(page: &mut Roff) {
    page.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::ALL {
        item(page, &code.to_string(), meaning);
    }
}

fn files_read(page: &mut Roff) {
    page.control("SH", ["FILES"]);
    item(
        page,
        DEFAULT_FILE,
        "The configuration, in the folder that the program starts in, if no other is named.",
    );
    item(page, ".env", "Variables, in the same folder. The environment is stronger than these.");
    item(page, "/etc/fullon-cache-api/", "What the package of a distribution serves by.");
}

fn environment(page: &mut Roff) {
    page.control("SH", ["ENVIRONMENT"]);
    let program = program();
    let mut of_flags = BTreeMap::new();
    for command in program.get_subcommands() {
        for arg in command.get_arguments() {
            if let (Some(variable), Some(flag)) = (arg.get_env(), arg.get_long()) {
                of_flags.insert(variable.to_string_lossy().into_owned(), flag.to_owned());
            }
        }
    }
    for (variable, flag) in of_flags {
        item(page, &variable, &format!("Stands for --{flag}."));
    }
    for (variable, key) in VARIABLES {
        item(page, variable, &format!("Stands for the key {key} of the configuration."));
    }
    item(page, &format!("{PREFIX}SECTION__KEY"), "Any other key, e.g. FULLON_CACHE_API__LIMITS__IN_FLIGHT.");
    item(page, "NO_COLOR", "If it is set, what is logged to a terminal has no colours.");
}
