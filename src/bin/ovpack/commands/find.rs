//! `ovpack find`: what a question is about.

use std::io::{self, Write};

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use ovpack::{FindHit, FindOptions};

use crate::args::some_uri;
use crate::caller::Caller;
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::Result;
use crate::indexing;
use crate::ui::Ui;

/// Find what a question is about, by its words and by its meaning
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack find 'how are options parsed'
  ovpack find 语言 --uri user/default/memories
  ovpack find tests --type file --limit 3 --json")]
pub(crate) struct Args {
    /// Look for this
    #[arg(value_name = "QUERY", value_parser = NonEmptyStringValueParser::new())]
    query: String,
    /// Find only what is at and below this URI
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// Find only records of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Find only resources, memories or skills
    #[arg(long, value_name = "WHICH", value_parser = PossibleValuesParser::new(["resource", "memory", "skill"]))]
    context_type: Option<String>,
    /// Find only records with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Find only abstracts (0), overviews (1) or content (2)
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    level: Option<u8>,
    /// Print at most so many answers
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let store = caller.store()?;
    let options = FindOptions {
        uri: some_uri(args.uri.as_deref())?,
        kind: args.kind.clone(),
        context_type: args.context_type.clone(),
        tag: args.tag.clone(),
        level: args.level,
        limit: args.limit,
        key: indexing::key(&store)?,
    };
    if let Some(uri) = &options.uri {
        // A typo would be answered by nothing at all.
        store.list(uri)?;
    }
    let is_told = indexing::catch_up(ui, caller, &store);
    let report = store.find(&args.query, &options)?;
    ui.report(&report, |out| {
        report.hits.iter().try_for_each(|hit| write_hit(out, hit))
    })?;
    if report.hits.is_empty() {
        ui.talk(&"nothing is found");
    }
    if let Some(fault) = &report.vector_fault {
        ui.talk(&format_args!("by words alone: {}", Shown(fault)));
    }
    if report.is_behind && !is_told {
        let wait = caller.command("index wait");
        ui.talk(&format_args!(
            "the search index is behind the last commit; bring it up to date with: {}",
            Shown(&wait)
        ));
    }
    Ok(Exit::Done)
}

fn write_hit(out: &mut dyn Write, hit: &FindHit) -> io::Result<()> {
    let what = match hit.level {
        0 => "abstract",
        1 => "overview",
        _ => "content",
    };
    let uri = hit.uri.to_string();
    writeln!(out, "{:.4}  {what:<8}  {}", hit.score, Shown(&uri))?;
    let about = hit
        .abstract_text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let about: String = about.chars().take(SHOWN_CHARS).collect();
    for line in [&about, &hit.snippet] {
        if !line.is_empty() {
            writeln!(out, "        {}", Shown(line))?;
        }
        // Where there is no abstract the beginning of the text stands for it.
        if hit.snippet.starts_with(about.as_str()) {
            break;
        }
    }
    Ok(())
}

/// Characters of an abstract that are printed.
const SHOWN_CHARS: usize = 160;
