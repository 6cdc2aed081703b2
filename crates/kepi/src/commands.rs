//! What each command does.

use crate::{
    cli::{Cli, Command, Targets},
    compose::Project,
    failure::{Outcome, Result},
};

mod adapters;
mod advise;
mod auth;
mod calendar;
mod check;
mod decide;
mod demo;
mod evaluate;
mod experiments;
mod explain;
mod goals;
mod import;
mod ingest;
mod init;
mod maintain;
mod query;
mod run;
mod runs;
mod signals;
mod simulate;
mod targets;

/// Runs a command.
pub(crate) async fn run(cli: Cli) -> Result<Outcome> {
    let load = || Project::load(&cli.config);
    match cli.command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Simulate(arguments) => simulate::run(&arguments).await,
        Command::Init(arguments) => init::run(&arguments),
        Command::Auth(arguments) => auth::run(&load()?, &arguments).await,
        Command::Check(arguments) => check::run(&load()?, &arguments).await,
        Command::Ingest(arguments) => ingest::run(&load()?, &arguments).await,
        Command::Backfill(arguments) => ingest::backfill(&load()?, &arguments).await,
        Command::Import(arguments) => import::run(&load()?, &arguments).await,
        Command::Run(arguments) => run::run(&load()?, &arguments).await,
        Command::Plan(format) => runs::plan(&load()?, format).await,
        Command::Runs(arguments) => runs::run(&load()?, &arguments).await,
        Command::Evaluate(arguments) => evaluate::run(&load()?, &arguments).await,
        Command::Explain(arguments) => explain::run(&load()?, &arguments).await,
        Command::Signals(arguments) => signals::run(&load()?, &arguments).await,
        Command::Decide(arguments) => decide::run(&load()?, &arguments).await,
        Command::Calendar(arguments) => calendar::run(&load()?, &arguments).await,
        Command::Goals(arguments) => goals::run(&load()?, &arguments).await,
        Command::Targets(Targets::Suggest(arguments)) => targets::suggest(&load()?, &arguments).await,
        Command::Targets(Targets::Freeze(arguments)) => targets::freeze(&load()?, &arguments).await,
        Command::Advise(arguments) => advise::run(&load()?, &arguments).await,
        Command::Experiments(arguments) => experiments::run(&load()?, &arguments).await,
        Command::Query(arguments) => query::run(&load()?, &arguments).await,
        Command::Adapters(format) => adapters::run(format),
        Command::Maintain(arguments) => maintain::run(&load()?, &arguments).await,
    }
}
