//! The nodes that could take a pod now: the scheduler's model of the live cluster, with the pods that are only assumed.
//!
//! There are two of it. A change of the nodes makes a model again, which takes as long as placing all pods; so the watch changes the one that
//! no review reads, and then they change places.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netmarks_scheduler_model::{FeasibleNodes, LiveCluster, Pod};

/// The scheduler's model of the live cluster, which a watch keeps up to date; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Model(Arc<Both>);

#[derive(Debug, Default)]
struct Both {
    /// Never locked for longer than a review takes.
    front: Mutex<Front>,
    /// The watch's. Whoever locks both begins with this one.
    back: Mutex<LiveCluster>,
}

#[derive(Debug, Default)]
struct Front {
    cluster: LiveCluster,
    /// What the one at the back lacks.
    ahead: Vec<Assumption>,
}

/// A change that reviews make.
#[derive(Debug)]
enum Assumption {
    Begins { number: u64, pod: Box<Pod>, node: String },
    Ends { number: u64 },
}

impl Assumption {
    fn apply(&self, cluster: &mut LiveCluster) {
        match self {
            Self::Begins { number, pod, node } => cluster.assume(*number, pod, node),
            Self::Ends { number } => cluster.release(*number),
        }
    }
}

impl Model {
    #[must_use]
    pub fn new(cluster: LiveCluster) -> Self {
        let front = Front { cluster: cluster.clone(), ahead: Vec::new() };
        Self(Arc::new(Both { front: Mutex::new(front), back: Mutex::new(cluster) }))
    }

    /// Changes the cluster: both of it, so that `change` is called twice. No review waits for what it takes.
    pub fn update(&self, mut change: impl FnMut(&mut LiveCluster)) {
        let mut back = lock(&self.0.back);
        let mut change = |cluster: &mut LiveCluster| {
            change(cluster);
            // Until the lists are complete nobody asks.
            if cluster.is_complete() {
                cluster.settle();
            }
        };
        change(&mut back);
        {
            let mut front = lock(&self.0.front);
            front.catch_up(&mut back);
            mem::swap(&mut front.cluster, &mut *back);
        }
        change(&mut back);
    }

    /// Every node that could take one more pod like this; `None` while the lists are not complete.
    pub(crate) fn candidates(&self, pod: &Pod) -> Option<FeasibleNodes> {
        let cluster = &mut lock(&self.0.front).cluster;
        cluster.is_complete().then(|| cluster.feasible(pod))
    }

    /// The names of the nodes that could take one more pod like this one (`namespace/name`), which is on a node; `None` where it is not
    /// known, or the lists are not complete.
    #[must_use]
    pub fn candidates_for_another(&self, pod: &str) -> Option<Vec<String>> {
        let cluster = &mut lock(&self.0.front).cluster;
        let feasible = cluster.is_complete().then(|| cluster.feasible_for_another(pod)).flatten()?;
        Some(feasible.nodes().map(|node| node.name.clone()).collect())
    }

    /// Takes a pod to be on a node.
    pub(crate) fn assume(&self, number: u64, pod: &Pod, node: &str) {
        self.change(Assumption::Begins { number, pod: Box::new(pod.clone()), node: node.to_owned() });
    }

    pub(crate) fn release(&self, number: u64) {
        self.change(Assumption::Ends { number });
    }

    fn change(&self, change: Assumption) {
        // While the watch has it, it catches up at its end.
        let back = self.0.back.try_lock().ok();
        let mut front = lock(&self.0.front);
        change.apply(&mut front.cluster);
        front.ahead.push(change);
        if let Some(mut back) = back {
            front.catch_up(&mut back);
        }
    }
}

impl Front {
    fn catch_up(&mut self, back: &mut LiveCluster) {
        self.ahead.drain(..).for_each(|change| change.apply(back));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic leaves behind is corrected by the next list; to stop for good would be worse.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use netmarks_scheduler_model::{Node, ResourceList};

    use super::*;

    fn node(name: &str) -> Node {
        let allocatable = ResourceList { pods: 10, ..ResourceList::new(4_000, 1 << 33) };
        Node { name: name.to_owned(), allocatable, ..Node::default() }
    }

    fn pod(name: &str, node: Option<&str>) -> Pod {
        let mut pod = Pod { name: name.to_owned(), node_name: node.map(str::to_owned), ..Pod::default() };
        pod.scheduling.requests = ResourceList::new(3_000, 0);
        pod
    }

    fn free(model: &Model) -> Vec<String> {
        let candidates = model.candidates(&pod("next", None)).unwrap();
        candidates.nodes().map(|node| node.name.clone()).collect()
    }

    #[test]
    fn both_models_learn_of_what_reviews_and_the_watch_change() {
        let model = Model::new(LiveCluster::fixed(["a", "b", "c"].map(node), []));
        model.assume(1, &pod("web-1", None), "a");
        assert_eq!(free(&model), ["b", "c"]);
        for _ in 0..2 {
            model.update(|cluster| cluster.apply_pod(pod("web-2", Some("b"))));
            assert_eq!(free(&model), ["c"]);
        }
        model.release(1);
        assert_eq!(free(&model), ["a", "c"]);
        model.update(|cluster| cluster.delete_node("c"));
        assert_eq!(free(&model), ["a"]);
        model.update(|cluster| cluster.delete_pod("/web-2"));
        assert_eq!(free(&model), ["a", "b"]);
    }

    #[test]
    fn reviews_go_on_while_the_watch_makes_a_model_again() {
        let model = Model::new(LiveCluster::fixed(["a", "b"].map(node), []));
        let mut asked = 0;
        model.update(|cluster| {
            cluster.apply_node(node("c"));
            asked += 1;
            if asked == 1 {
                assert_eq!(free(&model), ["a", "b"], "as it was");
                model.assume(1, &pod("web-1", None), "a");
                assert_eq!(free(&model), ["b"]);
            }
        });
        assert_eq!(free(&model), ["b", "c"]);
        model.update(|_| {});
        assert_eq!(free(&model), ["b", "c"], "and the other one");
    }
}
