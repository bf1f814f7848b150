//! Flows whose ends are numbers, so that the index is asked for each application once and not for each end of each flow.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::book::Flow;
use super::table::FlowTable;
use crate::application::Application;
use crate::facts::ApplicationId;

/// Holds flows, and each of their applications once.
#[derive(Debug)]
pub struct NumberedFlows {
    applications: Vec<Application>,
    /// Source and destination by their place in `applications`, and bytes per second.
    flows: Vec<(usize, usize, f64)>,
}

impl NumberedFlows {
    #[must_use]
    pub fn new(flows: impl IntoIterator<Item = Flow>) -> Self {
        let mut applications = Vec::new();
        let mut numbers: HashMap<Application, usize, RandomState> = HashMap::default();
        let mut number = |application: Application| match numbers.get(&application) {
            Some(number) => *number,
            None => {
                let number = applications.len();
                applications.push(application.clone());
                numbers.insert(application, number);
                number
            }
        };
        let flows = flows
            .into_iter()
            .map(|flow| (number(flow.source), number(flow.destination), flow.bytes_per_second))
            .collect();
        Self { applications, flows }
    }

    /// All applications of the flows.
    #[must_use]
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// How many flows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.flows.len()
    }

    /// The flows by the ids of [`Self::applications`], in that order; a flow whose end has none is left out.
    #[must_use]
    pub fn into_table(self, ids: &[ApplicationId]) -> FlowTable {
        let flows = self.flows.into_iter();
        FlowTable::new(flows.filter_map(|(source, destination, bytes_per_second)| {
            Some((*ids.get(source)?, *ids.get(destination)?, bytes_per_second))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_is_there_once_and_a_table_is_made_by_its_id() {
        let name = |name: &str| Application::new("shop", name);
        let flow = |source: &str, destination: &str, bytes_per_second: f64| Flow {
            source: name(source),
            destination: name(destination),
            bytes_per_second,
        };
        let flows = || NumberedFlows::new([flow("a", "b", 1.0), flow("b", "a", 2.0), flow("a", "c", 4.0)]);
        assert_eq!(flows().count(), 3);
        assert_eq!(flows().applications(), ["a", "b", "c"].map(name));
        let [a, b, c] = [7, 3, 9].map(ApplicationId);
        let table = flows().into_table(&[a, b, c]);
        let all: Vec<_> = table.flows().collect();
        assert_eq!(all, [(b, a, 2.0), (a, c, 4.0), (a, b, 1.0)]);
        assert_eq!(flows().into_table(&[a, b]).len(), 2, "who has no id has no flows");
    }
}
