//! Flows in the index: replaced as a whole, together with the applications of which nothing else is known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Index;
use crate::application::Application;
use crate::clock::Measured;
use crate::facts::ApplicationId;
use crate::flow::book::Flow;
use crate::flow::numbered::NumberedFlows;
use crate::flow::table::FlowTable;
use crate::snapshot::{ApplicationRow, Said};

impl Index {
    /// Replaces all flows by those measured then; of an instant in seconds since the Unix epoch alone, the age is what the wall clock says now.
    /// Applications that have neither pods nor flows any more, and of which no controller or Service says anything, are dropped here.
    ///
    /// Takes a while for many flows. Where others wait for the index, its steps are [`NumberedFlows::new`], [`Self::application_ids`],
    /// [`NumberedFlows::into_table`] and [`Self::replace_flow_table`], of which the first and the third need no index.
    pub fn replace_flows(&mut self, at: impl Into<Measured>, flows: impl IntoIterator<Item = Flow>) {
        let flows = NumberedFlows::new(flows);
        let ids = self.application_ids(flows.applications());
        self.replace_flow_table(at, flows.into_table(&ids));
    }

    /// The ids of these applications, new ones where they had none, which stay theirs at least until flows are replaced: so only one
    /// caller at a time may be about to replace them.
    pub fn application_ids(&mut self, applications: &[Application]) -> Vec<ApplicationId> {
        applications.iter().map(|name| self.intern_application(name)).collect()
    }

    /// Replaces all flows by a table made with the ids of [`Self::application_ids`].
    pub fn replace_flow_table(&mut self, at: impl Into<Measured>, table: FlowTable) {
        for id in self.unused_applications(&table) {
            let name = self.now.applications.get(id.index()).and_then(|row| row.name.clone());
            if let Some(name) = name {
                self.now.ids.remove(&name);
                self.now.applications.set(id.index(), ApplicationRow::default());
                self.free_applications.push(id);
            }
        }
        self.now.flows = Arc::new(table);
        self.now.measured = Some(at.into());
    }

    fn unused_applications(&self, table: &FlowTable) -> BTreeSet<ApplicationId> {
        let rows = self.now.applications.iter().zip((0..).map(ApplicationId));
        let mut unused: BTreeSet<ApplicationId> = rows
            .filter(|(row, id)| {
                row.name.is_some()
                    && row.pods == 0
                    && row.said == Said::default()
                    && table.peers(*id).is_empty()
            })
            .map(|(_, id)| id)
            .collect();
        // Pods that wait for a node are in no row. There are as many pods as the cluster has, so only where it matters.
        if !unused.is_empty() {
            for id in self.pods.values().filter_map(|pod| pod.application) {
                unused.remove(&id);
            }
        }
        unused
    }
}
