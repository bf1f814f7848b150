//! Sentences about what a plan does not know.

use netmarks_scheduler_model::SchedulerOptions;
use netmarks_simulator::EmptyCluster;

use crate::subject::Subject;

/// What the snapshot lacks, what the model leaves out, and what is chance; with policies that failed in so many decisions.
pub(crate) fn remarks(
    subject: &Subject,
    empty: &EmptyCluster,
    scheduler: &SchedulerOptions,
    faults: u64,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if faults > 0 {
        remarks.push(format!("A policy failed in {faults} decisions; those count without its score."));
    }
    let world = subject.world();
    let nodes = world.inventory().nodes.len();
    let found = scheduler.nodes_to_find(nodes);
    if found < nodes {
        remarks.push(format!(
            "kube-scheduler compares the first {found} of {nodes} nodes that take a pod, and begins at another node each time. So the node of \
             a move may not be among them when its turn comes, and the replacement goes elsewhere. With `percentageOfNodesToScore: 100` in its \
             configuration it compares all; --percentage-of-nodes-to-score says so here."
        ));
    }
    remarks.extend(world.missing().iter().map(|missing| format!("The snapshot lacks {missing}")));
    let left_out = empty.left_out();
    remarks.extend(left_out.iter().map(|(sentence, pods)| format!("Left out for {pods} pods: {sentence}")));
    remarks
}
