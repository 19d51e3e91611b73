//! `milvus-host`: runs the Milvus component in a sandbox, from the command line.
//!
//! Data goes to standard output, talk and progress to standard error. Exit codes: 0 done, 1 the tool failed, 2 wrong
//! usage, 3 refused by policy or by a pinned digest, 4 Milvus cannot be reached, is not ready, or does not answer in
//! time.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "it is a command line")]

mod audit;
mod cache;
mod commands;
mod credential;
mod failure;
mod files;
mod hints;
mod local;
mod output;
mod process;
mod settings;
mod unreachable;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  milvus-host local                                    start a local Milvus, Ctrl-C stops it
  milvus-host tools                                    what there is to call
  milvus-host call milvus_collection '{\"operation\":\"list\"}'
  milvus-host call milvus_search '{\"collection_name\":\"docs\",\"query_text\":\"a large cat\"}' --json
  milvus-host doctor                                   what is reachable, and what is wrong

The token is never an argument: MILVUS_TOKEN=root:Milvus, --token-file, or --token-command.

Exit codes:
  0  done
  1  the tool failed
  2  wrong usage
  3  refused by policy, or by a pinned digest
  4  Milvus cannot be reached, is not ready, or does not answer in time";

/// Milvus' vector-store tools in a sandbox that reaches one Milvus and nothing else.
#[derive(Debug, Parser)]
#[command(name = "milvus-host", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: settings::Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the tools, or show one with its schemas.
    Tools(commands::tools::Arguments),
    /// Call a tool.
    Call(commands::call::Arguments),
    /// Send one request to a route of Milvus' REST API, or list the routes.
    Rest(commands::rest::Arguments),
    /// Show what the component is, what it may reach, and its limits.
    Inspect(commands::inspect::Arguments),
    /// Show the policy in force, or what it says of a request.
    Policy(commands::policy::Arguments),
    /// Find out what is reachable, and what to do where something is not.
    Doctor(commands::doctor::Arguments),
    /// Run a local Milvus (Milvus Lite, or a full Milvus 2.3.5) until Ctrl-C.
    Local(commands::local::Arguments),
}

impl Command {
    /// Whether the answer, and a failure, is to be JSON.
    fn wants_json(&self) -> bool {
        match self {
            Self::Tools(arguments) => arguments.json,
            Self::Call(arguments) => arguments.json,
            Self::Rest(arguments) => arguments.json,
            Self::Inspect(arguments) => arguments.json,
            Self::Policy(arguments) => arguments.json,
            Self::Doctor(arguments) => arguments.json,
            Self::Local(arguments) => arguments.json,
        }
    }
}

fn main() -> ExitCode {
    process::keep_to_itself();
    let parsed = settings::without_empty_variables(Cli::command())
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, unfit(&matches))));
    let (cli, unfit) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            if error.use_stderr() {
                // It repeats what was given.
                eprint!("{}", output::clean_lines(&error.render().to_string()));
            } else {
                let _ = error.print();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let as_json = cli.command.wants_json();
    if let Some(failure) = unfit {
        failure.show(as_json);
        return ExitCode::from(failure.code);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli));
            // A read of standard input cannot be cancelled, and may never end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(failure::Failure::usage(format!(
            "the runtime cannot be started: {error}"
        ))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.show(as_json);
            ExitCode::from(failure.code)
        }
    }
}

/// A setting on the command line of `local`, which has none of them: there is no Milvus yet that they could be about.
/// One in a variable is for the other commands.
fn unfit(matches: &ArgMatches) -> Option<failure::Failure> {
    let ("local", given) = matches.subcommand()? else {
        return None;
    };
    let command = Cli::command();
    let flag = command
        .get_arguments()
        // `local` compiles no component, so it keeps no code of one.
        .filter(|argument| argument.is_global_set() && argument.get_id().as_str() != "no_cache")
        .find(|argument| {
            given.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
        })?;
    let name = flag.get_long().unwrap_or_default();
    Some(
        failure::Failure::usage(format!("`local` starts a Milvus, and takes no --{name}"))
            .with_hint("`milvus-host local --help` shows what it takes; settings are for the commands that call"),
    )
}

async fn run(cli: Cli) -> Result<(), failure::Failure> {
    match cli.command {
        Command::Tools(arguments) => commands::tools::run(&cli.settings, &arguments).await,
        Command::Call(arguments) => commands::call::run(&cli.settings, arguments).await,
        Command::Rest(arguments) => commands::rest::run(&cli.settings, arguments).await,
        Command::Inspect(arguments) => commands::inspect::run(&cli.settings, &arguments),
        Command::Policy(arguments) => commands::policy::run(&cli.settings, &arguments),
        Command::Doctor(arguments) => commands::doctor::run(&cli.settings, &arguments).await,
        Command::Local(arguments) => commands::local::run(arguments).await,
    }
}
