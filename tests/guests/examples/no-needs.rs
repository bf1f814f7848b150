//! A policy that is told nothing but the number of candidates, and that gives each a zero.
use netmarks_policy_sdk::{Policy, Request, export};

struct NoNeeds;

impl Policy for NoNeeds {
    const NAME: &'static str = "no-needs";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests.";

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let sent = request.peers().count();
        if sent > 0 {
            return Err(format!("{sent} peers were sent to a policy that needs none"));
        }
        Ok(vec![0.0; request.candidates()])
    }
}

export!(NoNeeds);
