//! The orders in which pods are placed.

use crate::inventory::{Inventory, Placement, Pod};

/// Which pods are placed again, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// All, on empty nodes, oldest first.
    Creation,
    /// All, on empty nodes, shuffled.
    Random,
    /// All, on empty nodes, one application after the other, the applications shuffled.
    Applications,
    /// Each application is rolled out from where its pods are, one pod at a time: a new pod is placed, then an old one goes. The
    /// applications are shuffled, in each round alike.
    Rollout {
        /// How often everything is rolled out.
        rounds: u32,
    },
    /// The pods of one node are placed again, shuffled. The caller sees to it that the node takes none.
    Drain {
        /// Which one.
        node: usize,
    },
    /// Some pods leave their nodes all at once, and are placed again one after the other.
    Again {
        /// Which ones, in this order.
        pods: Vec<usize>,
    },
}

/// Decides where a pod goes, and keeps count of what is where.
pub trait Placer {
    /// Pods that wait for a node come so many at once: [`Placer::create`] is called before the first of them is placed.
    fn created_at_once(&self) -> usize {
        1
    }
    /// Pods are created; each is placed after this.
    fn create(&mut self, pods: &[usize]) {
        let _ = pods;
    }
    /// A pod is on a node already.
    fn occupy(&mut self, pod: usize, node: usize);
    /// Chooses a node for a pod and occupies it; `None` if no node takes the pod.
    fn place(&mut self, pod: usize) -> Option<usize>;
    /// A pod leaves its node.
    fn remove(&mut self, pod: usize, node: usize);
    /// Asked before each pod: whether to give up.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Places pods in that order, shuffled by `random`. Fixed pods stay where they are. `None` if `placer` gave up.
pub fn place_all(
    inventory: &Inventory,
    order: &Order,
    random: &mut fastrand::Rng,
    placer: &mut impl Placer,
) -> Option<Placement> {
    let mut placement = vec![None; inventory.pods.len()];
    let stays = |index: usize, pod: &Pod| match order {
        Order::Rollout { .. } | Order::Drain { .. } => true,
        Order::Again { pods } => pod.fixed || !pods.contains(&index),
        Order::Creation | Order::Random | Order::Applications => pod.fixed,
    };
    for (index, pod) in inventory.pods.iter().enumerate() {
        if let (true, Some(node)) = (stays(index, pod), pod.node) {
            placer.occupy(index, node);
            set(&mut placement, index, Some(node));
        }
    }
    let mut waiting: Vec<usize> = (0..inventory.pods.len())
        .filter(|index| placement.get(*index).is_some_and(Option::is_none))
        .collect();
    waiting.sort_by(|one, other| {
        let created = |index: &usize| inventory.pods.get(*index).and_then(|pod| pod.created);
        created(one).partial_cmp(&created(other)).unwrap_or(std::cmp::Ordering::Equal)
    });
    match order {
        Order::Creation | Order::Drain { .. } | Order::Rollout { .. } => {}
        Order::Random => random.shuffle(&mut waiting),
        Order::Applications => waiting = by_application(inventory, &waiting, random).concat(),
        // Those that nobody named come last.
        Order::Again { pods } => {
            waiting.sort_by_key(|pod| pods.iter().position(|named| named == pod).unwrap_or(usize::MAX));
        }
    }
    for burst in waiting.chunks(placer.created_at_once().max(1)) {
        placer.create(burst);
        for pod in burst {
            if placer.cancelled() {
                return None;
            }
            let node = placer.place(*pod);
            set(&mut placement, *pod, node);
        }
    }
    match order {
        Order::Rollout { rounds } => {
            let movable: Vec<usize> = (0..inventory.pods.len())
                .filter(|index| inventory.pods.get(*index).is_some_and(|pod| !pod.fixed))
                .collect();
            for application in vec![by_application(inventory, &movable, random); *rounds as usize].concat() {
                for pod in application {
                    replace(pod, &mut placement, placer)?;
                }
            }
        }
        Order::Drain { node } => {
            let node = *node;
            let on_node = |index: &usize| placement.get(*index) == Some(&Some(node));
            let movable = |index: &usize| inventory.pods.get(*index).is_some_and(|pod| !pod.fixed);
            let mut pods: Vec<usize> = (0..inventory.pods.len()).filter(on_node).filter(movable).collect();
            random.shuffle(&mut pods);
            for pod in pods {
                if placer.cancelled() {
                    return None;
                }
                placer.remove(pod, node);
                let node = placer.place(pod);
                set(&mut placement, pod, node);
            }
        }
        Order::Creation | Order::Random | Order::Applications | Order::Again { .. } => {}
    }
    Some(placement)
}

/// A pod is rolled out: its successor comes before it goes. Where there is no room for both, it goes first.
fn replace(pod: usize, placement: &mut Placement, placer: &mut impl Placer) -> Option<()> {
    if placer.cancelled() {
        return None;
    }
    let old = placement.get(pod).copied().flatten();
    let mut new = placer.place(pod);
    if let Some(old) = old {
        placer.remove(pod, old);
        if new.is_none() {
            new = placer.place(pod);
        }
    }
    set(placement, pod, new);
    Some(())
}

fn set(placement: &mut Placement, pod: usize, node: Option<usize>) {
    if let Some(entry) = placement.get_mut(pod) {
        *entry = node;
    }
}

/// The pods of each application together, the applications shuffled; a pod without one is by itself.
fn by_application(inventory: &Inventory, pods: &[usize], random: &mut fastrand::Rng) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); inventory.applications.len()];
    for pod in pods {
        let application = inventory.pods.get(*pod).and_then(|pod| pod.application);
        match application.and_then(|application| groups.get_mut(application)) {
            Some(group) => group.push(*pod),
            None => groups.push(vec![*pod]),
        }
    }
    groups.retain(|group: &Vec<usize>| !group.is_empty());
    random.shuffle(&mut groups);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Node;

    /// Puts pods on the emptiest node with room for two.
    struct Emptiest {
        pods: Vec<u32>,
        cordoned: Option<usize>,
        placed: Vec<usize>,
    }

    impl Emptiest {
        fn new(nodes: usize) -> Self {
            Self { pods: vec![0; nodes], cordoned: None, placed: Vec::new() }
        }
    }

    impl Placer for Emptiest {
        fn occupy(&mut self, _: usize, node: usize) {
            self.pods[node] += 1;
        }

        fn place(&mut self, pod: usize) -> Option<usize> {
            self.placed.push(pod);
            let open =
                (0..self.pods.len()).filter(|node| Some(*node) != self.cordoned && self.pods[*node] < 2);
            let node = open.min_by_key(|node| self.pods[*node])?;
            self.pods[node] += 1;
            Some(node)
        }

        fn remove(&mut self, _: usize, node: usize) {
            self.pods[node] -= 1;
        }
    }

    fn inventory() -> Inventory {
        let pod = |application, node, created, fixed| Pod {
            application: Some(application),
            node,
            created: Some(created),
            fixed,
            ..Pod::default()
        };
        Inventory {
            nodes: vec![Node::default(); 3],
            applications: vec!["x/a".into(), "x/b".into()],
            pods: vec![
                pod(0, Some(0), 3.0, false),
                pod(1, Some(0), 2.0, false),
                pod(0, Some(1), 1.0, false),
                pod(1, Some(2), 0.0, true),
            ],
            flows: Vec::new(),
        }
    }

    fn run(order: &Order) -> (Placement, Emptiest) {
        let cordoned = if let Order::Drain { node } = order { Some(*node) } else { None };
        let mut placer = Emptiest { cordoned, ..Emptiest::new(3) };
        let placement = place_all(&inventory(), order, &mut fastrand::Rng::with_seed(7), &mut placer);
        (placement.unwrap(), placer)
    }

    #[test]
    fn creation_order_is_oldest_first_and_fixed_pods_stay() {
        let (placement, placer) = run(&Order::Creation);
        assert_eq!(placer.placed, [2, 1, 0]);
        assert_eq!(placement[3], Some(2));
        assert_eq!(placer.pods.iter().sum::<u32>(), 4);
    }

    #[test]
    fn a_rollout_replaces_every_pod_that_may_move_and_none_is_counted_twice() {
        let (placement, placer) = run(&Order::Rollout { rounds: 2 });
        assert_eq!(placer.placed.len(), 6);
        let mut counted = vec![0; 3];
        for node in placement.iter().flatten() {
            counted[*node] += 1;
        }
        assert_eq!(placer.pods, counted);
    }

    #[test]
    fn a_drained_node_keeps_only_what_is_fixed() {
        let (placement, placer) = run(&Order::Drain { node: 0 });
        assert_eq!(placer.pods[0], 0);
        assert!(placement.iter().all(|node| node.is_some_and(|node| node != 0)));
    }

    #[test]
    fn applications_come_together() {
        let (_, placer) = run(&Order::Applications);
        let of = |pod: usize| inventory().pods[pod].application;
        let mut sequence: Vec<_> = placer.placed.iter().map(|pod| of(*pod)).collect();
        sequence.dedup();
        assert_eq!(sequence.len(), 2);
    }
}
