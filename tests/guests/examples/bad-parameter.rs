//! Declares a number whose default is outside of its own limits.
use netmarks_policy_sdk::{Parameter, Policy, Request, export};

struct BadParameter;

impl Policy for BadParameter {
    const NAME: &'static str = "bad-parameter";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests.";
    const PARAMETERS: &'static [Parameter] = &[Parameter::number("weight", "Share, 0 to 1.", 2.0, 0.0, 1.0)];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        Ok(vec![0.0; request.candidates()])
    }
}

export!(BadParameter);
