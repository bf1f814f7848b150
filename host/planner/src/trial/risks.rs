//! What can go wrong with a move.

use super::Trial;
use crate::file::Risk;
use crate::stays::Movable;

impl Trial<'_> {
    pub(super) fn risks(
        &self,
        pod: usize,
        application: usize,
        to: usize,
        others: Vec<usize>,
        movable: Movable,
    ) -> Vec<Risk> {
        let inventory = self.inventory();
        let (occupancy, mut risks) = (self.worth.occupancy(), Vec::new());
        let pods = occupancy.pods(application);
        if occupancy.nodes(application).map(|(_, pods)| pods).sum::<u32>() == 1 {
            risks.push(Risk::OnlyPod);
        }
        let Some(model) = self.world.pods().get(pod) else { return risks };
        if model.scheduling.owner.as_ref().is_some_and(|owner| owner.kind == "StatefulSet") {
            risks.push(Risk::Stateful);
        }
        if !model.scheduling.volumes.is_empty() {
            risks.push(Risk::Volume);
        }
        if !movable.guarded {
            risks.push(Risk::NoDisruptionBudget);
        }
        if !others.is_empty() {
            let name = |node: usize| inventory.nodes.get(node).map(|node| node.name.clone());
            risks.push(Risk::Tie { nodes: others.into_iter().filter_map(name).collect() });
        }
        let most = occupancy.nodes(application).map(|(_, pods)| pods).max().unwrap_or(0);
        let there = occupancy.on_node(application, to) + 1;
        if pods > 1 && there > most {
            risks.push(Risk::Concentration { share: f64::from(there) / f64::from(pods) });
        }
        let left_out = model.scheduling.left_out.iter();
        risks.extend(left_out.map(|what| Risk::LeftOut { what: what.to_string() }));
        risks
    }
}
