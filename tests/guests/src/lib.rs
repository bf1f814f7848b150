//! Holds what several fixtures share: a component whose `describe` is written by hand, to lie or to misbehave there.
//!
//! The SDK derives descriptions from constants and so cannot say most of what these fixtures say.

pub use netmarks_policy_sdk::bindings;
pub use netmarks_policy_sdk::bindings::exports::netmarks::policy::scoring;

use bindings::netmarks::policy::types::Description;

/// A description that the host accepts: the fixture's own name, no needs, no parameters.
#[must_use]
pub fn describe(name: &str) -> Description {
    Description {
        name: name.to_owned(),
        version: "0.0.0".to_owned(),
        summary: "A fixture of the tests.".to_owned(),
        needs: Vec::new(),
        parameters: Vec::new(),
    }
}

/// Exports a component that returns this description, accepts all parameters, scores zero and explains nothing.
#[macro_export]
macro_rules! export_description {
    ($description:expr) => {
        struct Fixture;

        impl $crate::scoring::Guest for Fixture {
            fn describe() -> $crate::scoring::Description {
                $description
            }

            fn check(_parameters: Vec<$crate::scoring::Value>) -> Result<(), String> {
                Ok(())
            }

            fn score(request: $crate::scoring::Request) -> Result<Vec<f64>, String> {
                Ok(vec![0.0; request.candidates as usize])
            }

            fn explain(_: $crate::scoring::Request, _: u32) -> Result<Vec<$crate::scoring::Part>, String> {
                Ok(Vec::new())
            }
        }

        #[allow(unsafe_code, unreachable_pub, missing_docs)]
        mod component {
            use super::Fixture;
            use $crate::bindings;
            bindings::export_bindings!(Fixture with_types_in bindings);
        }
    };
}
