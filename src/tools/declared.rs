//! Tools that send an operation as it was declared: its arguments are the operation's keys.

use super::answers::Shown;
use crate::arguments::Arguments;
use crate::client::Client;
use crate::dialect::Spoken;
use crate::error::Error;
use crate::operations::FromArguments;
use routes::Route;
use serde_json::Value;

/// An operation that a tool sends as it was declared.
#[derive(Debug)]
pub struct Choice {
    /// The word that chooses it; empty where there is no choice.
    pub name: &'static str,
    /// Its row.
    pub route: &'static Route,
    /// What the answer is shown under: a member's name, or a status.
    word: &'static str,
    /// Its arguments, and whether each has to be given.
    pub arguments: fn() -> Vec<(&'static str, bool)>,
    run: fn(&mut Client<'_>, Arguments, &'static str) -> Result<Value, Error>,
}

impl Choice {
    pub(super) const fn of<O: FromArguments + Spoken<Answer: Shown>>(
        name: &'static str,
        word: &'static str,
    ) -> Self {
        Self {
            name,
            route: O::ROUTE,
            word,
            arguments: O::names,
            run: run::<O>,
        }
    }

    pub(super) fn run(
        &self,
        client: &mut Client<'_>,
        arguments: Arguments,
    ) -> Result<Value, Error> {
        (self.run)(client, arguments, self.word)
    }

    fn takes(&self, name: &str) -> bool {
        (self.arguments)().iter().any(|(known, _)| *known == name)
    }
}

fn run<O: FromArguments + Spoken<Answer: Shown>>(
    client: &mut Client<'_>,
    mut arguments: Arguments,
    word: &'static str,
) -> Result<Value, Error> {
    let operation = O::take(&mut arguments)?;
    arguments.finish()?;
    let answer = client.run(&operation)?;
    Ok(answer.shown(word, operation.arguments()).into())
}

/// Runs the operation that the argument `name` chooses. An argument of another one is refused.
pub(super) fn choose(
    client: &mut Client<'_>,
    mut arguments: Arguments,
    name: &'static str,
    choices: &[Choice],
) -> Result<Value, Error> {
    let words: Vec<&'static str> = choices.iter().map(|choice| choice.name).collect();
    let word = arguments.one_of(name, &words)?;
    let Some(chosen) = choices.iter().find(|choice| Some(choice.name) == word) else {
        let words = words.join(", ");
        return Err(arguments.wrong(name, format_args!("expected one of {words}, came nothing")));
    };
    let others = choices.iter().flat_map(|choice| (choice.arguments)());
    for (other, _) in others {
        if arguments.has(other) && !chosen.takes(other) {
            let takers = choices.iter().filter(|choice| choice.takes(other));
            let takers: Vec<&str> = takers.map(|choice| choice.name).collect();
            let takers = takers.join(", ");
            let problem = format_args!("expected with {takers}, came with {}", chosen.name);
            return Err(arguments.wrong(other, problem));
        }
    }
    chosen.run(client, arguments)
}
