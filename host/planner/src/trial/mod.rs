//! Moves that are tried one after the other: each is rehearsed, held against the limits, and carried out or refused.

mod risks;

use std::collections::{BTreeMap, HashSet};

use netmarks_placement::{Goal, Inventory, Routing, cap};
use netmarks_simulator::{Rehearsal, World};

use crate::file::{Gain, Obstacle, Risk};
use crate::limits::Limits;
use crate::stays::Movable;
use crate::worth::Worth;

/// A move that was carried out.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) pod: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Where kube-scheduler may put it instead, and it gains as much.
    pub(crate) or: Vec<usize>,
    pub(crate) gain: Gain,
    pub(crate) risks: Vec<Risk>,
}

/// What all moves so far have led to.
pub(crate) struct Trial<'a> {
    world: &'a World,
    limits: &'a Limits,
    /// What a move has to gain at least, in bytes per second.
    pub(crate) price: f64,
    movable: &'a [Result<Movable, Obstacle>],
    rehearsal: Rehearsal<'a>,
    worth: Worth<'a>,
    /// What all moves so far keep within nodes and zones, and save in a month: no move makes that worse than it was at the start.
    within_nodes: f64,
    within_zones: f64,
    saved: f64,
    /// By node: what is left of CPU and memory.
    room: Vec<(i64, i64)>,
    /// By application: on how many nodes and in how many zones it is at the start.
    spread: Vec<(usize, usize)>,
    /// By application: its pods, and the traffic of one of them. A pod gains no more than that wherever it goes.
    pods: Vec<Vec<usize>>,
    of_one: Vec<f64>,
    of_application: Vec<usize>,
    left_node: Vec<usize>,
    came_to_node: Vec<usize>,
    pub(crate) moved: HashSet<usize>,
    /// Moves that were refused.
    pub(crate) refused: HashSet<(usize, usize)>,
    /// Why a pod that was to be moved is not.
    pub(crate) obstacles: BTreeMap<usize, Obstacle>,
    pub(crate) made: Vec<Made>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(
        world: &'a World,
        limits: &'a Limits,
        price: f64,
        movable: &'a [Result<Movable, Obstacle>],
        rehearsal: Rehearsal<'a>,
        worth: Worth<'a>,
    ) -> Self {
        let inventory = world.inventory();
        let mut room: Vec<(i64, i64)> = inventory
            .nodes
            .iter()
            .map(|node| (signed(node.cpu_millicores), signed(node.memory_bytes)))
            .collect();
        for pod in &inventory.pods {
            if let Some((cpu, memory)) = pod.node.and_then(|node| room.get_mut(node)) {
                *cpu -= signed(pod.cpu_millicores);
                *memory -= signed(pod.memory_bytes);
            }
        }
        let applications = 0..inventory.applications.len();
        let spread = applications.clone().map(|of| places(&worth, of)).collect();
        let mut pods = vec![Vec::new(); applications.len()];
        for (index, pod) in inventory.pods.iter().enumerate() {
            if let Some(pods) = pod.application.and_then(|of| pods.get_mut(of)) {
                pods.push(index);
            }
        }
        let mut of_one = vec![0.0; applications.len()];
        for flow in &inventory.flows {
            for end in [flow.source, flow.destination] {
                if let (Some(of_one), Some(pods)) = (of_one.get_mut(end), pods.get(end)) {
                    *of_one += flow.bytes_per_second / pods.len().max(1) as f64;
                }
            }
        }
        Self {
            world,
            limits,
            price,
            movable,
            rehearsal,
            worth,
            within_nodes: 0.0,
            within_zones: 0.0,
            saved: 0.0,
            room,
            spread,
            pods,
            of_one,
            of_application: vec![0; applications.len()],
            left_node: vec![0; inventory.nodes.len()],
            came_to_node: vec![0; inventory.nodes.len()],
            moved: HashSet::new(),
            refused: HashSet::new(),
            obstacles: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    pub(crate) fn worth(&self) -> &Worth<'a> {
        &self.worth
    }

    pub(crate) fn rehearsal(&self) -> &Rehearsal<'a> {
        &self.rehearsal
    }

    pub(crate) fn inventory(&self) -> &'a Inventory {
        self.world.inventory()
    }

    pub(crate) fn pods_of(&self, application: usize) -> &[usize] {
        self.pods.get(application).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn node_of(&self, pod: usize) -> Option<usize> {
        self.rehearsal.placement().get(pod).copied().flatten()
    }

    /// Whether a pod may be moved, and was not yet.
    pub(crate) fn may_move(&self, pod: usize) -> bool {
        self.movable.get(pod).is_some_and(Result::is_ok) && !self.moved.contains(&pod)
    }

    /// Bytes per second that one pod of an application less on a node and one more on another keeps within nodes.
    pub(crate) fn gain(&mut self, application: usize, from: usize, to: usize) -> f64 {
        self.worth.gain(application, from, to).within_nodes_bytes_per_second
    }

    /// Tries to move a pod to where it was proposed, or, without a proposal, to wherever kube-scheduler puts it.
    pub(crate) fn attempt(&mut self, pod: usize, proposed: Option<usize>) -> Result<(), Obstacle> {
        let tried = self.judge(pod, proposed, Pays::Alone);
        match tried {
            Ok(made) => {
                self.carry_out(made);
                Ok(())
            }
            Err(why) => {
                if let Some(to) = proposed {
                    self.obstacles.insert(pod, why);
                    self.refused.insert((pod, to));
                }
                Err(why)
            }
        }
    }

    /// Moves a pod that need not gain anything, as long as all moves together do. The caller takes it back if none follows that pays for it.
    /// Returns what it gains.
    pub(crate) fn attempt_with_others(
        &mut self,
        pod: usize,
        proposed: Option<usize>,
    ) -> Result<f64, Obstacle> {
        let mut made = self.judge(pod, proposed, Pays::WithOthers)?;
        if proposed.is_some_and(|to| to != made.to) {
            return Err(Obstacle::OtherNode);
        }
        // The others that follow were proposed for this node: on another node of the tie it does not pay with them.
        made.or.clear();
        let gain = made.gain.within_nodes_bytes_per_second;
        self.carry_out(made);
        Ok(gain)
    }

    /// What a pod would gain at least if it were evicted now; `None` if it may not be, or is not worth it.
    pub(crate) fn prospect(&mut self, pod: usize) -> Option<f64> {
        let application = self.inventory().pods.get(pod)?.application?;
        if self.of_one.get(application).is_none_or(|most| *most <= 0.0 || *most < self.price) {
            return None;
        }
        self.judge(pod, None, Pays::Alone).ok().map(|made| made.gain.within_nodes_bytes_per_second)
    }

    fn judge(&mut self, pod: usize, proposed: Option<usize>, pays: Pays) -> Result<Made, Obstacle> {
        let movable = self.movable.get(pod).copied().unwrap_or(Err(Obstacle::Pending))?;
        let placed = self.inventory().pods.get(pod).ok_or(Obstacle::Pending)?;
        let from = self.rehearsal.placement().get(pod).copied().flatten().ok_or(Obstacle::Pending)?;
        let application = placed.application.ok_or(Obstacle::SameNode)?;
        if self.moved.contains(&pod) || spent(self.limits.per_application, &self.of_application, application)
        {
            return Err(Obstacle::MovesSpent);
        }
        if spent(self.limits.per_node, &self.left_node, from) {
            return Err(Obstacle::MovesSpent);
        }
        // What it has to gain: as much as where it was to go, or, without that, what a move must.
        let mut needed = self.price;
        if let Some(to) = proposed {
            needed = needed.max(self.worth.gain(application, from, to).within_nodes_bytes_per_second);
        }
        let choices = self.rehearsal.choices(pod, movable.replacement);
        if choices.is_empty() {
            return Err(Obstacle::NoNode);
        }
        if choices.contains(&from) {
            return Err(if choices.len() > 1 { Obstacle::Tie } else { Obstacle::SameNode });
        }
        let mut gains = Vec::with_capacity(choices.len());
        for to in &choices {
            self.keeps_limits(pod, application, from, *to)?;
            let gain = self.worth.gain(application, from, *to);
            if self.within_zones + gain.within_zones_bytes_per_second < -TOLERANCE
                || gain.price_per_month.is_some_and(|saved| self.saved + saved < -TOLERANCE)
            {
                return Err(Obstacle::AcrossZones);
            }
            gains.push((*to, gain));
        }
        let bytes = |gain: &Gain| gain.within_nodes_bytes_per_second;
        let least = gains.iter().map(|(_, gain)| bytes(gain)).fold(f64::INFINITY, f64::min);
        let pays = match pays {
            // Equal up to rounding is as good.
            Pays::Alone => least > 0.0 && least >= needed * (1.0 - 1e-9) - TOLERANCE,
            Pays::WithOthers => self.within_nodes + least >= -TOLERANCE,
        };
        if !pays {
            return Err(if gains.len() > 1 { Obstacle::Tie } else { Obstacle::OtherNode });
        }
        let as_proposed = gains.iter().find(|(to, _)| Some(*to) == proposed);
        let worst = gains.iter().min_by(|one, other| bytes(&one.1).total_cmp(&bytes(&other.1)));
        let (to, gain) = as_proposed.or(worst).copied().ok_or(Obstacle::NoNode)?;
        // In a group, another node of the tie may gain less.
        let enough = bytes(&gain) - bytes(&gain).abs() * 1e-9 - TOLERANCE;
        let as_good = gains.iter().filter(|(other, gain)| *other != to && bytes(gain) >= enough);
        let or = as_good.map(|(other, _)| *other).collect();
        let others = choices.into_iter().filter(|other| *other != to).collect();
        let risks = self.risks(pod, application, to, others, movable);
        Ok(Made { pod, from, to, or, gain, risks })
    }

    fn keeps_limits(&self, pod: usize, application: usize, from: usize, to: usize) -> Result<(), Obstacle> {
        let Self { limits, worth, .. } = self;
        let inventory = self.inventory();
        let node = inventory.nodes.get(to).ok_or(Obstacle::NoNode)?;
        if limits.frozen_nodes.contains(&node.name) {
            return Err(Obstacle::FrozenNode);
        }
        if spent(limits.per_node, &self.came_to_node, to) {
            return Err(Obstacle::MovesSpent);
        }
        let pods = worth.occupancy().pods(application);
        if worth.occupancy().on_node(application, to) >= cap(pods, limits.most_on_node) && pods > 1 {
            return Err(Obstacle::Cap);
        }
        let (zone, left) = (worth.zone(to), worth.zone(from));
        let in_zone = zone.map_or(0, |zone| worth.zone_occupancy().on_node(application, zone));
        if zone != left && in_zone >= cap(pods, limits.most_in_zone) && pods > 1 {
            return Err(Obstacle::Cap);
        }
        if limits.keep_spread {
            let fewer = usize::from(worth.occupancy().on_node(application, from) == 1);
            let more = usize::from(worth.occupancy().on_node(application, to) == 0);
            let last = left.is_some_and(|zone| worth.zone_occupancy().on_node(application, zone) == 1);
            let (nodes, zones) = places(worth, application);
            let (fewer_zones, more_zones) = (usize::from(zone != left && last), usize::from(in_zone == 0));
            let (nodes_before, zones_before) = self.spread.get(application).copied().unwrap_or_default();
            if nodes + more < nodes_before + fewer || zones + more_zones < zones_before + fewer_zones {
                return Err(Obstacle::Spread);
            }
        }
        if limits.headroom > 0.0 {
            let (cpu, memory) = self.room.get(to).copied().unwrap_or_default();
            let asked = inventory.pods.get(pod).map_or((0, 0), |pod| (pod.cpu_millicores, pod.memory_bytes));
            let free =
                |left: i64, asked: u64, of: u64| (left - signed(asked)) as f64 >= of as f64 * limits.headroom;
            if !free(cpu, asked.0, node.cpu_millicores) || !free(memory, asked.1, node.memory_bytes) {
                return Err(Obstacle::Headroom);
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, made: Made) {
        self.shift(made.pod, made.from, made.to);
        let application = self.inventory().pods.get(made.pod).and_then(|pod| pod.application);
        count(&mut self.of_application, application);
        count(&mut self.left_node, Some(made.from));
        count(&mut self.came_to_node, Some(made.to));
        self.within_nodes += made.gain.within_nodes_bytes_per_second;
        self.within_zones += made.gain.within_zones_bytes_per_second;
        self.saved += made.gain.price_per_month.unwrap_or(0.0);
        self.moved.insert(made.pod);
        self.obstacles.remove(&made.pod);
        self.made.push(made);
    }

    /// Takes the last moves back, until so many are left.
    pub(crate) fn take_back(&mut self, left: usize) {
        for made in self.made.split_off(left.min(self.made.len())).into_iter().rev() {
            self.shift(made.pod, made.to, made.from);
            let application = self.inventory().pods.get(made.pod).and_then(|pod| pod.application);
            uncount(&mut self.of_application, application);
            uncount(&mut self.left_node, Some(made.from));
            uncount(&mut self.came_to_node, Some(made.to));
            self.within_nodes -= made.gain.within_nodes_bytes_per_second;
            self.within_zones -= made.gain.within_zones_bytes_per_second;
            self.saved -= made.gain.price_per_month.unwrap_or(0.0);
            self.moved.remove(&made.pod);
        }
    }

    fn shift(&mut self, pod: usize, from: usize, to: usize) {
        self.rehearsal.carry_out(pod, to);
        let Some(pod) = self.inventory().pods.get(pod) else { return };
        if let Some(application) = pod.application {
            self.worth.shift(application, from, to);
        }
        for (node, sign) in [(from, 1), (to, -1)] {
            if let Some((cpu, memory)) = self.room.get_mut(node) {
                *cpu += sign * signed(pod.cpu_millicores);
                *memory += sign * signed(pod.memory_bytes);
            }
        }
    }
}

/// When a move is worth it.
#[derive(Clone, Copy)]
enum Pays {
    /// By what it gains.
    Alone,
    /// By what those gain that follow.
    WithOthers,
}

/// Less than this is rounding, in bytes per second and in any currency.
const TOLERANCE: f64 = 1e-6;

/// The number of nodes and of zones that an application is on.
fn places(worth: &Worth<'_>, application: usize) -> (usize, usize) {
    (worth.occupancy().nodes(application).count(), worth.zone_occupancy().nodes(application).count())
}

fn spent(limit: Option<usize>, counts: &[usize], index: usize) -> bool {
    limit.is_some_and(|limit| counts.get(index).is_some_and(|count| *count >= limit))
}

fn count(counts: &mut [usize], index: Option<usize>) {
    if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
        *count += 1;
    }
}

fn uncount(counts: &mut [usize], index: Option<usize>) {
    if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
        *count -= 1;
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// What a routing by application asks of a search.
pub(crate) fn goal(routing: Vec<Routing>, limits: &Limits, price_per_move: f64) -> Goal {
    Goal {
        routing,
        most_on_node: limits.most_on_node,
        most_in_zone: limits.most_in_zone,
        price_per_move,
        headroom: limits.headroom,
    }
}
