//! Needs `other-nodes` without `peers`, which means nothing.
use netmarks_policy_sdk::{Need, Policy, Request, export};

struct BadOtherNodes;

impl Policy for BadOtherNodes {
    const NAME: &'static str = "bad-other-nodes";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests.";
    const NEEDS: &'static [Need] = &[Need::OtherNodes];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        Ok(vec![0.0; request.candidates()])
    }
}

export!(BadOtherNodes);
