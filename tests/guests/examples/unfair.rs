//! Keeps the contract to the letter, and breaks one property that every policy should have: its parameter `fault`.
//!
//!  - `node-order`: a node scores by its place in the list
//!  - `explanation`: parts do not add up to the score; `peer`: one is about a peer that does not exist
//!  - `edge`: an application without peers is an error
//!  - `at-limit`: an error where the parameter `strength` is at its most
//!  - `slow`: never returns for 5,000 candidates

use netmarks_policy_sdk::{Need, Parameter, Part, Policy, Request, export};

struct Unfair;

impl Policy for Unfair {
    const NAME: &'static str = "unfair";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests that breaks a property as told.";
    const NEEDS: &'static [Need] = &[Need::Peers];
    const PARAMETERS: &'static [Parameter] = &[
        // A text rather than a choice: no tool tries all of its values.
        Parameter::text("fault", "Which property to break.", "none"),
        Parameter::number("strength", "Nothing, but for `at-limit`.", 1.0, 0.0, 10.0),
    ];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let parameters = request.parameters();
        let candidates = 0..u32::try_from(request.candidates()).map_err(|error| error.to_string())?;
        match parameters.text("fault")? {
            "node-order" => Ok(candidates.map(f64::from).collect()),
            "edge" if request.peers().next().is_none() => Err("nobody to talk to".to_owned()),
            "at-limit" if parameters.number("strength")? >= 10.0 => Err("too strong".to_owned()),
            "slow" if request.candidates() >= 5_000 => loop {
                std::hint::black_box(());
            },
            _ => Ok(candidates.map(|_| 1.0).collect()),
        }
    }

    fn explain(request: &Request, _: u32) -> Result<Vec<Part>, String> {
        let part = |peer, amount| vec![Part { peer, label: "all".to_owned(), amount }];
        Ok(match request.parameters().text("fault")? {
            "explanation" => part(None, 2.0),
            "peer" => part(Some(99), 1.0),
            "node-order" => Vec::new(),
            _ => part(None, 1.0),
        })
    }
}

export!(Unfair);
