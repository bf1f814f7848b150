//! Turns a [`Policy`] into the functions that the component exports.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use crate::bindings::exports::netmarks::policy::scoring;
use crate::bindings::netmarks::policy::types;
use crate::{Kind, Parameter, Parameters, Part, Policy, Request};

/// Holds nothing: the generated export glue wants a type, and this is the one for policy `P`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Exported<P>(PhantomData<P>);

impl<P: Policy> scoring::Guest for Exported<P> {
    fn describe() -> scoring::Description {
        report_panics();
        scoring::Description {
            name: P::NAME.to_owned(),
            version: P::VERSION.to_owned(),
            summary: P::SUMMARY.to_owned(),
            needs: P::NEEDS.iter().map(|need| need.name().to_owned()).collect(),
            parameters: P::PARAMETERS.iter().map(declare).collect(),
        }
    }

    fn check(parameters: Vec<scoring::Value>) -> Result<(), String> {
        report_panics();
        let parameters = ManuallyDrop::new(parameters);
        P::check(&Parameters::new(P::PARAMETERS, &parameters))
    }

    fn score(request: scoring::Request) -> Result<Vec<f64>, String> {
        P::score(&*accept::<P>(request)?)
    }

    fn explain(request: scoring::Request, node: u32) -> Result<Vec<Part>, String> {
        P::explain(&*accept::<P>(request)?, node)
    }
}

/// Takes over a request without ever freeing it: the instance is dropped with all its memory after the call, so that
/// taking every list apart again would be code (1.5 kB in all) and time for nothing.
fn accept<P: Policy>(request: scoring::Request) -> Result<ManuallyDrop<Request>, String> {
    report_panics();
    Request::new::<P>(ManuallyDrop::new(request)).map(ManuallyDrop::new)
}

/// Sends what a panic says to the host's log before it becomes a trap, which says nothing. Only with the feature
/// `panic-messages`: formatting them is 2.6 kB, a tenth of a policy.
fn report_panics() {
    #[cfg(feature = "panic-messages")]
    std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string())));
}

fn declare(parameter: &Parameter) -> types::Parameter {
    let kind = match parameter.kind {
        Kind::Number { default, minimum, maximum } => {
            types::ParameterKind::Number(types::NumberParameter { default, minimum, maximum })
        }
        Kind::Text { default } => types::ParameterKind::Text(default.to_owned()),
        Kind::Toggle { default } => types::ParameterKind::Toggle(default),
        Kind::Choice { default, options } => types::ParameterKind::Choice(types::ChoiceParameter {
            default: default.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        }),
    };
    types::Parameter { name: parameter.name.to_owned(), summary: parameter.summary.to_owned(), kind }
}

/// Makes the crate a component that exports the policy of this type. Once per crate, which must be a `cdylib`.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        #[doc(hidden)]
        #[allow(unsafe_code, unreachable_pub, unused_imports)]
        mod netmarks_policy_component {
            use super::*;
            type Component = $crate::Exported<$policy>;
            $crate::bindings::export_bindings!(Component with_types_in $crate::bindings);
        }
    };
}
